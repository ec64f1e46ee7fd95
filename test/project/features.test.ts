import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { newFolder } from '../support/npm.js';

const NOTES = `
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type, type Static } from 'typebox';
import { BackgroundJobs, CurrentUser, Database, Public, defineProblem, problemResponses, type Principal } from 'gatehouse-auth';

const noteLocked = defineProblem({ code: 'note_locked', status: 423, detail: 'The note is locked.' });
const closed = { additionalProperties: false };
const NoteBody = Type.Object({ text: Type.String({ maxLength: 1000 }) }, closed);
type NoteBody = Static<typeof NoteBody>;
const NoteView = Type.Object({ text: Type.String(), by: Type.String() }, closed);

@Controller('v1/notes')
class NotesController {
  constructor(private readonly database: Database, jobs: BackgroundJobs) {
    jobs.addRecurringJob(3600, 'notes', async () => {});
  }

  @Post()
  @RouteSchema({ body: NoteBody, response: { 201: NoteView, ...problemResponses(noteLocked) } })
  async create(@CurrentUser() user: Principal, @Body() { text }: NoteBody) {
    if (text === 'locked') throw noteLocked();
    const [row] = await this.database.query<{ by: string }>\`SELECT email AS by FROM users WHERE id = \${user.userId}::uuid\`;
    return { text, by: row?.by ?? '' };
  }

  @Get('about/:name')
  @Public()
  @RouteSchema({ params: Type.Object({ name: Type.String() }, closed), response: { 200: Type.Object({ name: Type.String() }, closed) } })
  about(@Param('name') name: string) {
    return { name };
  }
}

@Module({ controllers: [NotesController] })
export class NotesModule {}
`;

/** Joins a value to a statement, fails for one that is not text for PostgreSQL, and answers with what it does not declare. */
const CARELESS = `
import { Controller, Get, Module, Param } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type } from 'typebox';
import { PrismaService } from '../database/prisma.service.js';

@Controller('v1/careless')
class CarelessController {
  constructor(private readonly prisma: PrismaService) {}

  @Get(':name')
  @RouteSchema({ params: Type.Object({ name: Type.String() }, { additionalProperties: false }), response: { 200: Type.Object({ name: Type.String() }) } })
  find(@Param('name') name: string) {
    return this.prisma.$queryRawUnsafe(\`SELECT '\${name}' AS name\`).then((rows) => (rows as { name: string }[])[0]);
  }
}

@Module({ controllers: [CarelessController] })
export class CarelessModule {}
`;

interface Results {
  readonly testResults: readonly {
    readonly name: string;
    /** Why a file has failed as a whole. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** A fork with a module of its own: a copy of this checkout. Its packages are those of this one. */
function fork(name: string, className: string, source: string): string {
  const folder = newFolder('fork');
  const files = ['package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts', 'CHANGELOG.md'];
  execFileSync('cp', ['-a', ...files, '.config', 'prisma', 'src', 'dist', 'test', 'docs', 'README.md', folder]);
  mkdirSync(join(folder, 'node_modules'));
  for (const each of readdirSync('node_modules')) {
    if (!each.startsWith('.vite')) symlinkSync(resolve('node_modules', each), join(folder, 'node_modules', each));
  }
  mkdirSync(join(folder, `src/${name}`));
  writeFileSync(join(folder, `src/${name}/${name}.module.ts`), source);
  writeFileSync(
    join(folder, 'src/features.ts'),
    `import { ${className} } from './${name}/${name}.module.js';\n\nexport const features = [${className}];\n`,
  );
  return folder;
}

/** Status and name of the tests that do not pass; those of an application that does not start are skipped. */
async function failuresIn(folder: string, ...args: readonly string[]): Promise<string[]> {
  const results = join(folder, 'results.json');
  const command = ['node_modules/vitest/vitest.mjs', 'run', '--reporter=json', `--outputFile=${results}`, ...args];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, command, { cwd: folder }).catch(
    (failure: { stdout: string; stderr: string }) => failure,
  );
  const { testResults } = JSON.parse(readFileSync(results, 'utf8')) as Results;
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  expect(tests.length, stdout + stderr).toBeGreaterThan(0);
  const failed = tests.filter(({ status }) => status !== 'passed');
  return [
    ...failed.map(({ status, fullName, failureMessages }) => `${status} ${fullName} ${failureMessages.join(' ')}`),
    ...testResults.filter(({ message }) => message !== '').map(({ name, message }) => `${name} ${message}`),
  ];
}

it('the tests of Gatehouse pass with a module in src/features.ts', { timeout: 1_200_000 }, async () => {
  const folder = fork('notes', 'NotesModule', NOTES);
  const files = [
    'http/openapi-fuzzing',
    'http/authentication',
    'http/sql-injection',
    'http/http-semantics',
    'http/contract',
  ];
  const inventories = ['project/layers', 'project/documented-constants'];
  expect(await failuresIn(folder, ...[...files, ...inventories].map((file) => `test/${file}.test.ts`))).toEqual([]);
});

it('they fail with a careless one: they call its routes', { timeout: 1_200_000 }, async () => {
  const folder = fork('careless', 'CarelessModule', CARELESS);
  const files = ['test/http/openapi-fuzzing.test.ts', 'test/http/sql-injection.test.ts'];
  expect(await failuresIn(folder, ...files)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^failed .*answers hostile input as documented/) as string,
      expect.stringMatching(/^failed .*declares the members of its responses/) as string,
      expect.stringMatching(/^failed .*is never part of a statement of a module/) as string,
    ]),
  );
});
