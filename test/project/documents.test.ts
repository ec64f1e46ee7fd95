import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it, vi } from 'vitest';
import type { Type } from '@nestjs/common';
import { EndedSignals } from '../../src/access/ended-signals.js';
import { AccountAdministrationService } from '../../src/account/account-administration.service.js';
import { UserRolesService } from '../../src/users/user-roles.service.js';
import { Database, type Statements } from '../../src/database/database.js';
import { createDatabase, query, startApp } from '../support/app.js';
import { settings } from '../../src/config/settings.js';
import { MODULES } from './layers.js';

/** In the order in which they are read. `docs/requirements.md` has a test of its own. */
const PAGES = [
  'README.md',
  'docs/api.md',
  'docs/building-on-it.md',
  'docs/configuration.md',
  'docs/operations.md',
  'docs/security.md',
  'docs/performance.md',
];
const ALL_PAGES = [
  ...PAGES,
  'docs/requirements.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'src/README.md',
  'test/README.md',
  'bench/README.md',
];
const PAGES_NAMING_FILES = [...PAGES, 'src/README.md', 'test/README.md', 'bench/README.md', 'CONTRIBUTING.md'];
const textOf = (page: string): string => readFileSync(page, 'utf8');
const documents = PAGES.map(textOf).join('\n');
/** Written, run and answered as a whole by tests of its own. */
const [EXAMPLE = ''] = /\n## An application of your own\n[^]*?(?=\n## )/.exec(documents) ?? [];
/** Run in order by the test of `npm start`, which has mail. */
const [FORGOTTEN = ''] = /\n### A forgotten password\n[^]*?(?=\n## )/.exec(documents) ?? [];
const blocks = [
  ...documents
    .replace(EXAMPLE, '')
    .replace(FORGOTTEN, '')
    .matchAll(/```(\w+)\n([\s\S]+?)```/g),
].map(([, language = '', text = '']) => ({
  language,
  text,
}));
const shellBlocks = blocks.filter(({ language }) => language === 'sh').map(({ text }) => text);
const URL_OF_THE_DOCUMENTS = 'http://127.0.0.1:3000';
const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };

/**
 * The printed commands that do not run here: what runs them, a text of its code (not of a comment), and the commands.
 */
const RUN_ELSEWHERE: readonly (readonly [file: string, text: string, commands: readonly string[]])[] = [
  ['.ci/run', 'npm ci ', ['npm ci']],
  ['.ci/run', 'npm test ', ['npm test']],
  ['.ci/run', 'npm run check\n', ['npm run check']],
  ['test/operations/npm-start.test.ts', "'npm', ['start'", ['npm start']],
  [
    'test/operations/built-commands.test.ts',
    '/## Commands\\n\\n```sh',
    [
      'npm run users -- list',
      'npm run users -- show ada@example.com',
      `npm run users -- set-app-data ada@example.com '{"plan":"pro"}'`,
      'npm run users -- disable ada@example.com',
      'npm run users -- enable ada@example.com',
      'npm run users -- unlock ada@example.com',
      'npm run events -- ada@example.com',
      'npm run db:migrate',
      'npx prisma migrate status',
    ],
  ],
  ['test/operations/mail.test.ts', '/## Mail', ['npm run mail -- test you@example.com']],
  [
    'test/operations/built-commands.test.ts',
    '/## The command line',
    [
      'npx --no-install gatehouse --help',
      'npx --no-install gatehouse users disable --help',
      'npx --no-install gatehouse users list',
      'npx --no-install gatehouse events | head -n 1',
    ],
  ],
  ['test/database/restores.test.ts', "describe('npm run after-restore", ['npm run after-restore']],
  [
    'test/database/restores.test.ts',
    "runPrinted('pg_dump",
    [
      'pg_dump --format=custom --no-owner --file=gatehouse.dump "$URL"',
      'pg_restore --no-owner --exit-on-error --single-transaction --dbname="$EMPTY_URL" gatehouse.dump',
    ],
  ],
  [
    'test/database/restores.test.ts',
    "runPrinted('tar --create",
    [
      'tar --create --gzip --file=gatehouse.tgz --exclude=master-secret .data',
      'tar --extract --gzip --same-permissions --file=gatehouse.tgz',
    ],
  ],
  ['test/database/restores.test.ts', "runPrinted('npm run --silent events", ['npm run --silent events > events.jsonl']],
  [
    'test/accounts/signing-keys.test.ts',
    "describe('npm run keys'",
    ['npm run keys -- list', 'npm run keys -- rotate', 'npm run keys -- revoke KID'],
  ],
  [
    'test/operations/workers-shutdown.test.ts',
    "split('\\n## All cores\\n')",
    [
      'WORKERS=auto METRICS_PORT=9464 npm start',
      "curl --silent http://127.0.0.1:9464/metrics | grep '^gatehouse_workers'",
    ],
  ],
  [
    'test/project/dependencies.test.ts',
    'npm (sbom .+) > sbom',
    ['npm sbom --package-lock-only --sbom-format=cyclonedx --sbom-type=application > sbom.json'],
  ],
  [
    'test/project/bench-scenarios.test.ts',
    "it('npm run bench",
    [
      'npm run bench',
      'npm run bench -- fastify',
      'npm run bench -- revocation',
      'npm run bench -- login-storm',
      'npm run bench -- refresh',
    ],
  ],
];

const isLoadTest = (line: string): boolean => line.includes('"non2xx"');

/** Where the modules of the documents are written. */
const MODULE_FOLDER = 'test/.documents/src';

/** A module that the documents print. */
async function printedModule(name: string): Promise<Type> {
  const found = blocks.filter(({ language, text }) => language === 'ts' && text.includes(`export class ${name}`));
  expect(found).toHaveLength(1);
  const file = `${MODULE_FOLDER}/${name}.ts`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, found[0]?.text ?? '');
  const exported = (await import(`${process.cwd()}/${file}`)) as Record<string, Type>;
  return exported[name] as Type;
}

afterAll(() => rmSync('test/.documents', { recursive: true, force: true }));

describe('the documents', () => {
  it('show a guarded and a public route that work as printed', async () => {
    const app = await startApp({ features: [await printedModule('GreetingsModule')] });
    const { token, email } = await app.signIn();
    expect((await app.call('GET', '/v1/greetings/mine')).status).toBe(401);
    expect((await app.call('GET', '/v1/greetings/mine', { token })).body).toEqual({ greeting: `Hello ${email}` });
    expect((await app.call('GET', '/v1/greetings/everybody')).body).toEqual({ greeting: 'Hello' });
  });

  it('show a route of Fastify that works as printed', async () => {
    const app = await startApp({ features: [await printedModule('CountModule')] });
    const { token } = await app.signIn();
    expect((await app.call('GET', '/v1/count', { token })).body).toEqual({ count: 0 });
    expect((await app.call('GET', '/v1/count')).status).toBe(401);
  });

  it('show streams that end with a logout as printed', async () => {
    const app = await startApp({ features: [await printedModule('ClockModule')] });
    const { token } = await app.signIn();
    const streams = ['events', 'lines'].map(async (name) => {
      const response = await fetch(`${app.url}/v1/clock/${name}`, { headers: { authorization: `Bearer ${token}` } });
      return response.text();
    });
    await expect.poll(() => app.nest.get(EndedSignals, { strict: false }).size).toBe(2);
    await app.logout(token);
    const [events, lines] = await Promise.all(streams);
    expect(events).toMatch(/^\n/);
    expect(lines).toMatch(/^: hello\n\ndata: .+Z\n\n/);
  });

  it('show events of all nodes, of which none is lost or told twice, also of transactions that overlap', async () => {
    const ChangesModule = await printedModule('ChangesModule');
    const { Changes } = (await import(`${process.cwd()}/${MODULE_FOLDER}/ChangesModule.ts`)) as {
      Changes: Type<{
        add(tx: Statements, change: { userId: string; text: string }): Promise<void>;
        of(userId: string): { subscribe(next: (change: { text: string }) => void): unknown };
        read(): Promise<void>;
      }>;
    };
    const databaseUrl = await createDatabase();
    const table = blocks.find(({ language, text }) => language === 'sql' && text.includes('app.changes'))?.text ?? '';
    await query(databaseUrl, `CREATE SCHEMA app; ${table.replace('gatehouse.users', 'users')}`);
    const [one, other] = [
      await startApp({ features: [ChangesModule], databaseUrl }),
      await startApp({ features: [ChangesModule], databaseUrl }),
    ];
    const { token, userId } = await one.signIn();
    const add = (tx: Statements, text: string): Promise<void> => one.nest.get(Changes).add(tx, { userId, text });
    const database = one.nest.get(Database, { strict: false });
    const changes = other.nest.get(Changes);
    const told: string[] = [];
    changes.of(userId).subscribe(({ text }) => told.push(text));
    await changes.read();
    await database.transaction(async (tx) => {
      await add(tx, 'first');
      await database.transaction((later) => add(later, 'second'));
      await changes.read();
      expect(told).toEqual([]);
    });
    // An open transaction of another database of the server holds back what follows it.
    await vi.waitFor(
      async () => {
        await changes.read();
        expect(told).toEqual(['first', 'second']);
      },
      { timeout: 20_000 },
    );
    const stream = await fetch(`${other.url}/v1/changes`, { headers: { authorization: `Bearer ${token}` } });
    await database.transaction((tx) => add(tx, 'third'));
    const [reader, decoder] = [(stream.body as ReadableStream<Uint8Array>).getReader(), new TextDecoder()];
    let events = '';
    while (!events.includes('third')) events += decoder.decode((await reader.read()).value);
    expect(events).toMatch(/event: change\n(?:id: .*\n)?data: third\n/);
    await one.logout(token);
    for (let read = await reader.read(); !read.done;) read = await reader.read();
  });

  it('show an upload that works as printed, within its own limit', async () => {
    const app = await startApp({ features: [await printedModule('FilesModule')] });
    const { token } = await app.signIn();
    const upload = async (bytes: number): Promise<unknown[]> => {
      const body = new FormData();
      body.append('file', new Blob([new Uint8Array(bytes)]), 'file.bin');
      const headers = { authorization: `Bearer ${token}` };
      const response = await fetch(`${app.url}/v1/files`, { method: 'POST', headers, body });
      const { size, code } = (await response.json()) as { size?: number; code?: string };
      return [response.status, size ?? code];
    };
    expect(await upload(5_000_000)).toEqual([201, 5_000_000]);
    expect(await upload(5_200_000)).toEqual([413, 'body_too_large']);
  });

  it('print requests that are answered as printed, and a load test of which every request is 200', async () => {
    const app = await startApp();
    const script = shellBlocks.filter((text) => text.includes(URL_OF_THE_DOCUMENTS));
    expect(script).toHaveLength(5);
    const { stdout } = await promisify(execFile)('bash', [
      '-euc',
      script.join('\necho\n').replaceAll(URL_OF_THE_DOCUMENTS, app.url).replace(' -d 10 ', ' -d 1 -j '),
    ]);
    const answers = stdout.split('\n').filter((line) => line !== '');
    const printed = blocks.filter(({ language }) => language === 'json').map(({ text }) => shapeOf(text));
    expect(answers.filter((line) => !isLoadTest(line)).map(shapeOf)).toEqual(printed);
    const [load = '{}', ...others] = answers.filter(isLoadTest);
    expect(JSON.parse(load)).toMatchObject({ '2xx': expect.any(Number), non2xx: 0, errors: 0, timeouts: 0 });
    expect((JSON.parse(load) as { '2xx': number })['2xx']).toBeGreaterThan(0);
    expect(others).toEqual([]);
  });

  it('print no command that is run neither here nor by the test that is listed for it', () => {
    const printed = shellBlocks
      .filter((text) => !text.includes(URL_OF_THE_DOCUMENTS))
      .flatMap((text) => text.replaceAll('\\\n', '').trim().split('\n'))
      .map((command) => command.trim());
    const listed = RUN_ELSEWHERE.flatMap(([, , commands]) => commands);
    expect(printed.filter((command) => !listed.includes(command))).toEqual([]);
    expect(listed.filter((command) => !printed.includes(command))).toEqual([]);
    expect(RUN_ELSEWHERE.filter(([file, text]) => !withoutComments(textOf(file)).includes(text))).toEqual([]);
  });

  it('print an example of which a test writes and runs everything', () => {
    expect(EXAMPLE).toContain('npm test');
    expect(withoutComments(textOf('test/operations/package.test.ts'))).toContain('example.untaken()).toEqual([])');
  });

  it('print a walk through a forgotten password that a test takes', () => {
    expect(FORGOTTEN).toContain('gatehouse mail show');
    expect(withoutComments(textOf('test/operations/npm-start.test.ts'))).toContain('### A forgotten password');
  });

  it('print blocks of bash and configurations of several nodes in the section alone that a test runs as a whole', () => {
    const [, section = ''] = /\n## Several nodes\n([^]*?)\n## /.exec(textOf('docs/operations.md')) ?? [];
    const elsewhere = documents.replace(section, '');
    expect([...section.matchAll(/```bash\n/g)].length).toBeGreaterThan(4);
    expect([...elsewhere.matchAll(/```(?:bash|ini)\n/g)]).toEqual([]);
    expect(withoutComments(textOf('test/operations/high-availability.test.ts'))).toContain('untaken()).toEqual([])');
  });

  it('print a unit of systemd that starts what the image starts, and leaves a stop the time it may take', () => {
    const unit = blocks.find(({ language }) => language === 'systemd')?.text ?? '';
    const [, command = ''] = /^ExecStart=\/srv\/gatehouse\/(.+)$/m.exec(unit) ?? [];
    const [, image = '[]'] = /^CMD (\[.+\])$/m.exec(textOf('Dockerfile')) ?? [];
    expect(command.split(' ')).toEqual(JSON.parse(image));
    const stop = settings.SHUTDOWN_TIMEOUT_SECONDS.fallback + 5;
    expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThan(stop);
  });

  it('name only scripts of package.json', () => {
    expect(ALL_PAGES.flatMap(scriptsNamedIn).filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('install and run nothing by the bare name gatehouse, which belongs to others on npm', () => {
    const sinners = ALL_PAGES.filter((page) =>
      /\b(?:npm (?:install|i|add|exec)|npx(?: -y| --yes)?) gatehouse\b(?!-)/.test(textOf(page)),
    );
    expect(sinners).toEqual([]);
  });

  it.each(ALL_PAGES)('%s links to pages and sections that exist', (page) => {
    const broken = linksOf(page).filter(([, path = '', anchor]) => {
      const target = path === '' ? page : join(dirname(page), path);
      if (!existsSync(target)) return true;
      return anchor !== undefined && !sectionsOf(target).includes(anchor);
    });
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  it.each(PAGES_NAMING_FILES)('%s names files that exist', (page) => {
    expect(filesNamedIn(page).filter((name) => !isFile(page, name))).toEqual([]);
  });

  it('have many links and names of files and scripts, so that none of these checks is empty', () => {
    const links = ALL_PAGES.flatMap(linksOf);
    expect(links.filter(([, path]) => path !== '').length).toBeGreaterThan(40);
    expect(links.filter(([, , anchor]) => anchor !== undefined).length).toBeGreaterThan(20);
    expect(PAGES_NAMING_FILES.flatMap(filesNamedIn).length).toBeGreaterThan(200);
    expect(ALL_PAGES.flatMap(scriptsNamedIn).length).toBeGreaterThan(60);
  });
});

describe('the map of src/README.md', () => {
  it('has a row for each module of Gatehouse', () => {
    const [, map = ''] = /## Map\n([^]*?)\n## /.exec(textOf('src/README.md')) ?? [];
    const rows = [...map.matchAll(/^\| `([a-z-]+)\/` \|/gm)].map(([, module = '']) => module);
    expect(rows.toSorted()).toEqual(MODULES.toSorted());
  });
});

describe('the table of the access token in docs/api.md', () => {
  const rows = [...textOf('docs/api.md').matchAll(/^\| `(\w+)` \| (header|claims) \| (?:`([^`]+)`)?/gm)];
  const namesOf = (part: string): string[] => rows.filter((row) => row[2] === part).map(([, name]) => String(name));
  const valueOf = (name: string): unknown => rows.find((row) => row[1] === name)?.[3];

  it('names the members of a real token, and no other', async () => {
    const app = await startApp();
    const { userId, email } = await app.signIn();
    await app.nest.get(UserRolesService, { strict: false }).grantRole(userId, 'editor');
    await app.nest.get(AccountAdministrationService, { strict: false }).verifyEmail(email);
    const { token } = await app.signInAs(email);
    const [header, claims] = [decodePart(token, 0), decodePart(token, 1)];
    expect(Object.keys(header).toSorted()).toEqual(namesOf('header').toSorted());
    expect(Object.keys(claims).toSorted()).toEqual(namesOf('claims').toSorted());
    expect([header['typ'], header['alg'], claims['client_id']]).toEqual(['typ', 'alg', 'client_id'].map(valueOf));
    expect(claims).toMatchObject({ sub: userId, email });
    expect(Number(claims['exp']) - Number(claims['iat'])).toBe(900);
  });
});

describe('README.md', () => {
  it('shows each module of Gatehouse in a layer', () => {
    const [, layers = ''] = /## The layers\n[^]*?```\n([^]*?)```/.exec(textOf('README.md')) ?? [];
    const shown = layers
      .split('\n')
      .map((line) => /^ *([a-z-]+(?: · [a-z-]+)*)(?:\/| {2}|$)/.exec(line)?.[1] ?? '')
      .flatMap((names) => names.split(' · '))
      .filter((name) => name !== '');
    expect(shown.toSorted()).toEqual(MODULES.toSorted());
  });

  it('has at most 200 lines', () => {
    expect(textOf('README.md').split('\n').length).toBeLessThanOrEqual(201);
  });
});

type Members = Readonly<Record<string, unknown>>;

/** Decodes the header (0) or the claims (1) of a JWT. */
function decodePart(token: string, part: number): Members {
  return JSON.parse(Buffer.from(token.split('.')[part] ?? '', 'base64url').toString()) as Members;
}

/** Made by the service, or an example. */
const NOT_IN_THE_REPOSITORY = new Set(['.data/', 'src/notes/', 'test/notes/notes.test.ts', 'prisma/notes.prisma']);
const NAMES_OF_THE_EXAMPLE = new Set(
  [...EXAMPLE.matchAll(/\n\n`([\w./-]+)`[^\n]*:\n\n```/g)].map(([, name = '']) => name),
);
const sources = new Set(
  ['src', '.config']
    .flatMap((folder) => readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    .map((file) => basename(file)),
);

/** From the top, from `src`, or from the page; in `src/README.md` a file of `src` or `.config` by its name alone. */
function isFile(page: string, name: string): boolean {
  if (NOT_IN_THE_REPOSITORY.has(name) || NAMES_OF_THE_EXAMPLE.has(name)) return true;
  if (['.', 'src', dirname(page)].some((folder) => existsSync(join(folder, name)))) return true;
  return page === 'src/README.md' && sources.has(name);
}

function linksOf(page: string): RegExpExecArray[] {
  return [...withoutCode(textOf(page)).matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
}

function filesNamedIn(page: string): string[] {
  const named = textOf(page).matchAll(/`([\w.-][\w./-]*(?:\.(?:ts|mjs|md|html|prisma)|\/))`/g);
  return [...named].map(([, name = '']) => name);
}

function scriptsNamedIn(page: string): string[] {
  return [...textOf(page).matchAll(/npm run (?:--silent )?([\w:]+[\w:-]*)/g)].map(([, name = '']) => name);
}

/** The text of a TypeScript file or shell script without the lines that are comments as a whole. */
function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[^]*?\*\/$/gm, '').replaceAll(/^\s*(?:\/\/|#).*$/gm, '');
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]+?```/g, '');
}

/** The anchors of a page's headings, as GitHub makes them. */
function sectionsOf(page: string): string[] {
  return [...withoutCode(textOf(page)).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Member names, and values where they do not change from one run to the next. */
function shapeOf(json: string): unknown {
  const { email, ...rest } = JSON.parse(json) as Record<string, unknown>;
  return { email, members: Object.keys(rest) };
}
