import { chmodSync, existsSync, statSync, symlinkSync } from 'node:fs';

const LINK = 'node_modules/.bin/gatehouse';
const COMMAND = 'dist/cli/gatehouse.js';
const EXECUTABLE = 0o111;

/**
 * Puts the package's own command among those of its dependencies, as npm does not: the image has `gatehouse` on its path then. Writes
 * nothing if the link is there. The npm scripts need no link, so they also run where it cannot be made: the checkout is read-only or
 * belongs to another user.
 */
export function linkCommand() {
  try {
    if ((statSync(COMMAND).mode & EXECUTABLE) !== EXECUTABLE) chmodSync(COMMAND, 0o755);
    if (process.platform !== 'win32' && !existsSync(LINK)) symlinkSync(`../../${COMMAND}`, LINK);
  } catch (error) {
    // EEXIST: another build was faster.
    if (!['EEXIST', 'EACCES', 'EPERM', 'EROFS'].includes(error.code)) throw error;
  }
}
