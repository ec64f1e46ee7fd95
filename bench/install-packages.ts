import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/** Installs the packages of `peers/` or `charts/`, once for each state of their lock file. */
export function installPackages(folder: 'bench/peers' | 'bench/charts'): void {
  const lock = createHash('sha256')
    .update(readFileSync(`${folder}/package-lock.json`))
    .digest('hex');
  const marker = `${folder}/node_modules/.installed-lock`;
  if (existsSync(marker) && readFileSync(marker, 'utf8') === lock) return;
  console.log(`Installing ${folder}, once ...`);
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund'], { stdio: ['ignore', 2, 2] });
  writeFileSync(marker, lock);
}
