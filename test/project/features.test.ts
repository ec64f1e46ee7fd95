import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { newFolder } from '../support/npm.js';
import { PrintedBlocks } from '../support/printed-blocks.js';

const LETTERS = `
import { Body, Controller, Get, Module, Param, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { Type, type Static } from 'typebox';
import { BackgroundJobs, CurrentUser, Database, Public, defineProblem, problemResponses, type Principal } from 'gatehouse-auth';

const letterLocked = defineProblem({ code: 'letter_locked', status: 423, detail: 'The letter is locked.' });
const closed = { additionalProperties: false };
const LetterBody = Type.Object({ text: Type.String({ maxLength: 1000 }) }, closed);
type LetterBody = Static<typeof LetterBody>;
const LetterView = Type.Object({ text: Type.String(), by: Type.String() }, closed);

@Controller('v1/letters')
class LettersController {
  constructor(private readonly database: Database, jobs: BackgroundJobs) {
    jobs.addRecurringJob(3600, 'letters', async () => {});
  }

  @Post()
  @RouteSchema({ body: LetterBody, response: { 201: LetterView, ...problemResponses(letterLocked) } })
  async create(@CurrentUser() user: Principal, @Body() { text }: LetterBody) {
    if (text === 'locked') throw letterLocked();
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

@Module({ controllers: [LettersController] })
export class LettersModule {}
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

const CARELESS_APPLICATION = `
import { CarelessModule } from './careless/careless.module.js';

export const application = { features: [CarelessModule] };
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

const example = new PrintedBlocks('docs/building-on-it.md', 'An application of your own', (text) => text).files();
/** The notes of the example in a fork, where there is one schema, without their tests, which are for Node's test runner. */
const NOTES = Object.fromEntries(
  [...example]
    .filter(([file]) => /^src\/notes\/(?!.*\.test\.ts)/.test(file))
    .map(([file, text]) => [file, text.replaceAll('app.notes', 'notes')]),
);
const FORK_TESTS = new PrintedBlocks('docs/building-on-it.md', 'In a fork', (text) => text).files();
/** The application of the example, with another module. */
const APPLICATION = `import { LettersModule } from './letters/letters.module.js';
${String(example.get('src/application.ts')).replace('[NotesModule]', '[NotesModule, LettersModule]')}`;

const NOTES_TABLE = `
CREATE TABLE notes (
  id uuid PRIMARY KEY,
  user_id uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  text text NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now(),
  updated_at timestamptz(3) NOT NULL DEFAULT now()
);`;

/** A fork with files of its own: a copy of this checkout. Its packages are those of this one. */
function fork(files: Readonly<Record<string, string>>): string {
  const folder = newFolder('fork');
  const copied = ['package.json', 'package-lock.json', 'tsconfig.json', 'vitest.config.ts', 'CHANGELOG.md'];
  execFileSync('cp', ['-a', ...copied, '.config', 'prisma', 'src', 'dist', 'test', 'docs', 'README.md', folder]);
  mkdirSync(join(folder, 'node_modules'));
  for (const each of readdirSync('node_modules')) {
    if (!each.startsWith('.vite')) symlinkSync(resolve('node_modules', each), join(folder, 'node_modules', each));
  }
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
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

it(
  'the tests of Gatehouse pass with modules in src/features.ts, those of the example among them',
  { timeout: 1_200_000 },
  async () => {
    const folder = fork({
      'src/features.ts': APPLICATION,
      ...NOTES,
      ...Object.fromEntries(FORK_TESTS),
      'src/letters/letters.module.ts': LETTERS,
      'prisma/migrations/29991231000000_notes/migration.sql': NOTES_TABLE,
    });
    const files = [
      'http/openapi-fuzzing',
      'http/authentication',
      'http/sql-injection',
      'http/http-semantics',
      'http/contract',
    ];
    const inventories = ['project/layers', 'project/documented-constants', 'project/requirements'];
    // These once took tables, claims or hooks of an application for ours.
    const careful = ['accounts/database-dump', 'accounts/refresh', 'database/prepared-statements', 'database/upgrade'];
    const ours = [...files, ...inventories, ...careful].map((file) => `test/${file}.test.ts`);
    expect([...FORK_TESTS.keys()]).toEqual(['test/notes/notes.test.ts']);
    expect(await failuresIn(folder, ...ours, ...FORK_TESTS.keys())).toEqual([]);
  },
);

it('they fail with a careless one: they call its routes', { timeout: 1_200_000 }, async () => {
  const folder = fork({ 'src/features.ts': CARELESS_APPLICATION, 'src/careless/careless.module.ts': CARELESS });
  const files = ['test/http/openapi-fuzzing.test.ts', 'test/http/sql-injection.test.ts'];
  expect(await failuresIn(folder, ...files)).toEqual(
    expect.arrayContaining([
      expect.stringMatching(/^failed .*answers hostile input as documented/) as string,
      expect.stringMatching(/^failed .*declares the members of its responses/) as string,
      expect.stringMatching(/^failed .*is never part of a statement of a module/) as string,
    ]),
  );
});
