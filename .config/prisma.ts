import { defineConfig } from 'prisma/config';

// `prisma generate` starts no engine, yet the CLI looks for one and downloads it where it can; any executable will do.
process.env['PRISMA_SCHEMA_ENGINE_BINARY'] ??= process.execPath;

export default defineConfig({
  schema: '../prisma/schema.prisma',
  migrations: { path: '../prisma/migrations' },
});
