import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { parseSettings } from '../../dist/config/read-settings.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { query } from './app.js';
import { newFolder } from './npm.js';

export interface CommandResult {
  readonly code: number | null;
  readonly output: string;
}

/** A project that has this checkout as its package, and tables of its own beside those of Gatehouse. */
export class PrismaProject {
  readonly folder = newFolder('project');

  /** @param gatehouse the schema of Gatehouse */
  constructor(
    readonly environment: Readonly<Record<string, string>>,
    private readonly gatehouse: string,
  ) {
    mkdirSync(join(this.folder, 'node_modules'));
    mkdirSync(join(this.folder, 'prisma'));
    for (const name of readdirSync('node_modules')) {
      symlinkSync(resolve('node_modules', name), join(this.folder, 'node_modules', name));
    }
    symlinkSync(resolve('.'), join(this.folder, 'node_modules/gatehouse-auth'));
    writeFileSync(join(this.folder, 'package.json'), '{ "private": true, "type": "module" }\n');
    this.configure();
    this.writeSchema('text String');
  }

  /** @param options those of `prismaConfig`, as written there */
  configure(options = ''): void {
    const text = `import { prismaConfig } from 'gatehouse-auth/prisma';\n\nexport default await prismaConfig(${options});\n`;
    writeFileSync(join(this.folder, 'prisma.config.ts'), text);
  }

  /** Writes the Prisma schema, with these fields of a note. */
  writeSchema(...fields: readonly string[]): void {
    const text = `
datasource db {
  provider = "postgresql"
  schemas  = ["app", "${this.gatehouse}"]
}
generator client {
  provider = "prisma-client"
  output   = "../src/generated"
  importFileExtension = "ts"
}
model Note {
  id     String @id @default(uuid(7)) @db.Uuid
  userId String @map("user_id") @db.Uuid
  user   User   @relation(fields: [userId], references: [id], onDelete: Cascade)
  ${fields.join('\n  ')}
  @@map("notes")
  @@schema("app")
}
model User {
  id    String @id @db.Uuid
  notes Note[]
  @@map("users")
  @@schema("${this.gatehouse}")
}
`;
    writeFileSync(join(this.folder, 'prisma/schema.prisma'), text);
  }

  /** Another database with the same project. */
  on(environment: Readonly<Record<string, string>>): PrismaProject {
    const other = new PrismaProject(environment, this.gatehouse);
    cpSync(join(this.folder, 'prisma'), join(other.folder, 'prisma'), { recursive: true });
    return other;
  }

  /** The SQL of the migration with this name. */
  migration(name: string): string {
    const folder = this.migrations().find((each) => each.endsWith(`_${name}`));
    return readFileSync(join(this.folder, 'prisma/migrations', folder ?? name, 'migration.sql'), 'utf8');
  }

  migrations(): string[] {
    return readdirSync(join(this.folder, 'prisma/migrations')).filter((name) => /^\d/.test(name));
  }

  /** Runs `npx prisma`; the host of engine downloads is unreachable. */
  prisma(...args: readonly string[]): Promise<CommandResult> {
    return this.start('node_modules/.bin/prisma', ...args).ended;
  }

  gatehouseCommand(...args: readonly string[]): Promise<CommandResult> {
    return this.start(process.execPath, resolve('dist/cli/gatehouse.js'), ...args).ended;
  }

  start(program: string, ...args: readonly string[]): { ended: Promise<CommandResult>; signalGroup(): void } {
    const { DATABASE_URL: _, ...inherited } = process.env;
    const env = { ...inherited, PRISMA_ENGINES_MIRROR: 'http://127.0.0.1:1', ...this.environment };
    const child = spawn(program, args, { cwd: this.folder, detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    }
    const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
    const signalGroup = (): void => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined)
        process.kill(-child.pid, 'SIGINT');
    };
    onTestFinished(async () => {
      signalGroup();
      await ended;
    });
    return { ended, signalGroup };
  }

  /** Runs a statement on the database; names need their schema. */
  async query<Row extends object>(sql: string, values: unknown[] = []): Promise<Row[]> {
    const database = await provideDatabase(parseSettings(this.environment, 'migrate'), 'script');
    try {
      return await query<Row>(database.config.databaseDirectUrl, sql, values);
    } finally {
      await database.stop();
    }
  }

  /** Everything that the schema of Gatehouse consists of, and its history. */
  async describeGatehouse(): Promise<object[]> {
    const history = await this.query(`SELECT * FROM "${this.gatehouse}"._prisma_migrations ORDER BY migration_name`);
    const objects = await this.query(
      `SELECT table_name || '.' || column_name AS name, data_type || ' ' || is_nullable || coalesce(column_default, '') AS what
         FROM information_schema.columns WHERE table_schema = $1
       UNION ALL SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = $1::text::regnamespace
       UNION ALL SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1
       UNION ALL SELECT typname, enumlabel FROM pg_type JOIN pg_enum ON enumtypid = pg_type.oid WHERE typnamespace = $1::text::regnamespace
       UNION ALL SELECT proname, prosrc FROM pg_proc WHERE pronamespace = $1::text::regnamespace
       ORDER BY 1, 2`,
      [this.gatehouse],
    );
    return [...objects, ...history];
  }
}
