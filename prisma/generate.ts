import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Generates the Prisma client unless it was generated from this very schema: a start need not pay for it each time. */
const STAMP = 'src/database/generated/.schema-sha256';

const digest = createHash('sha256')
  .update(readFileSync('prisma/schema.prisma'))
  .update(readFileSync('node_modules/prisma/package.json'))
  .digest('hex');

if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== digest) {
  execFileSync('prisma', ['generate'], { stdio: ['ignore', 'ignore', 'inherit'] });
  writeFileSync(STAMP, digest);
}
