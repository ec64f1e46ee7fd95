import { chmodSync, existsSync, symlinkSync } from 'node:fs';

const LINK = 'node_modules/.bin/gatehouse';
const COMMAND = 'dist/cli/gatehouse.js';

/** Puts the package's own command among those of its dependencies, as npm does not: the image has `gatehouse` on its path then. */
export function linkCommand() {
  chmodSync(COMMAND, 0o755);
  if (process.platform === 'win32' || existsSync(LINK)) return;
  try {
    symlinkSync(`../../${COMMAND}`, LINK);
  } catch (error) {
    // Another build was faster.
    if (error.code !== 'EEXIST') throw error;
  }
}
