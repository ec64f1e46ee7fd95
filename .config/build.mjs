import './check-installation.mjs';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import './generate.mjs';
import { linkCommand } from './link-command.mjs';

/**
 * Compiles `src/` unless `dist/` was compiled from the same files, so that a start does not pay for it each time. Not in
 * TypeScript: loading Node's type stripper takes longer than this script.
 */
const STAMP = 'dist/.built-from';
const INPUTS = ['tsconfig.json', '.config/tsconfig.build.json', 'package-lock.json'];

function stamp() {
  const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => join('src', file));
  const states = [...INPUTS, ...sources].map((file) => {
    const { mtimeMs, size } = statSync(file);
    return `${file} ${mtimeMs} ${size}`;
  });
  return crypto.hash('sha256', states.join('\n'));
}

/** What browsers load is served as it is written. */
function copyBrowserFiles() {
  for (const file of readdirSync('src', { recursive: true, encoding: 'utf8' })) {
    if (/\.(?:browser\.js|css)$/.test(file)) copyFileSync(join('src', file), join('dist', file));
  }
}

/** The compiler leaves the outputs of sources that are gone. */
function removeStaleOutputs() {
  for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
    const [output, source] = /^(.*)(?:\.js|\.js\.map|\.d\.ts|\.css)$/.exec(file) ?? [];
    if (output !== undefined && !existsSync(join('src', `${source}.ts`))) rmSync(join('dist', output));
  }
}

const current = stamp();
if (!existsSync('dist/main.js') || !existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== current) {
  const { status, error } = spawnSync('tsc', ['-p', '.config/tsconfig.build.json'], { stdio: 'inherit' });
  if (error) process.stderr.write(`tsc: ${error.message}; run npm ci without --omit=peer\n`);
  if (status !== 0) process.exit(status ?? 1);
  removeStaleOutputs();
  copyBrowserFiles();
  writeFileSync(STAMP, current);
}
linkCommand();
