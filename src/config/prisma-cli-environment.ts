import { delimiter, dirname } from 'node:path';

/** For our engine: the schema of the tables of the project. `.config/prisma.ts` says that they are those of Gatehouse. */
const OWN_SCHEMA = 'GATEHOUSE_PRISMA_SCHEMA';
const CHECKOUT = '*';

/** What the Prisma CLI migrates: the checkout the tables of Gatehouse, a project those of its own schema. */
export type MigratedTables = { readonly project: string } | 'checkout' | undefined;

/** For our engine; undefined where no configuration of ours has started it. */
export function migratedTables(): MigratedTables {
  const schema = process.env[OWN_SCHEMA];
  if (schema === undefined) return undefined;
  return schema === CHECKOUT ? 'checkout' : { project: schema };
}

/**
 * Has the Prisma CLI, in whose process this runs, start this engine for this schema, whatever the environment names, under the Node.js of the CLI.
 * It looks for one even where it starts none, and would download it.
 */
export function useSchemaEngine(path: string, schema: string): void {
  process.env['PRISMA_SCHEMA_ENGINE_BINARY'] = path;
  process.env[OWN_SCHEMA] = schema;
  process.env['PATH'] = `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}`;
}

/**
 * The Prisma CLI passes the URL to its engine as an argument, which every user of the machine can read. Only this user can read the
 * environment, where our engine finds the password; Prisma's native engine would not.
 */
export function urlWithoutPassword(text: string): string {
  const url = new URL(text);
  const password = url.searchParams.get('password') ?? decodeURIComponent(url.password);
  if (password === '') return url.href;
  process.env['PGPASSWORD'] = password;
  url.password = '';
  if (url.searchParams.has('password')) url.searchParams.delete('password');
  return url.href;
}
