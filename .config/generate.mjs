import './check-installation.mjs';
import { execFileSync } from 'node:child_process';
import crypto from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';

/** Generates the Prisma client unless it was generated from the same schema, so that a start does not pay for it each time. */
const STAMP = 'src/database/generated/.schema-sha256';

if (!existsSync('node_modules/prisma/package.json')) {
  process.stderr.write('prisma, which generates the client, is not installed: run npm ci without --omit=peer\n');
  process.exit(1);
}

const models = readdirSync('prisma', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.prisma'));
const inputs = [...models.toSorted().map((name) => `prisma/${name}`), 'node_modules/prisma/package.json'];
const digest = crypto.hash('sha256', inputs.map((file) => readFileSync(file, 'utf8')).join('\n'));

if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== digest) {
  execFileSync('prisma', ['generate'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(STAMP, digest);
}
