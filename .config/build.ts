import { spawnSync } from 'node:child_process';
import { hash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import '../prisma/generate.ts';

/** Compiles `src/` unless `dist/` was compiled from these very files: a start need not pay for it each time. */
const STAMP = 'dist/.built-from';
const INPUTS = ['tsconfig.json', '.config/tsconfig.build.json', 'package-lock.json'];

function stamp(): string {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => join('src', file));
  const states = [...INPUTS, ...sources].toSorted().map((file) => {
    const { mtimeMs, size } = statSync(file);
    return `${file} ${mtimeMs} ${size}`;
  });
  return hash('sha256', states.join('\n'));
}

const current = stamp();
if (!existsSync('dist/main.js') || !existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== current) {
  const { status } = spawnSync('tsc', ['-p', '.config/tsconfig.build.json'], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
  writeFileSync(STAMP, current);
}
