import { existsSync } from 'node:fs';
import { chromium, type Browser } from 'playwright-core';

/** The Chromium of the system, as its package installs it. */
const PROGRAM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
);
const INSTALL = 'Chromium is not installed: run apt-get install chromium';

/** Whether the tests in a browser run. Without Chromium they are skipped, with a line on stderr, unless `CI` is set. */
export function hasBrowser(): boolean {
  if (PROGRAM !== undefined || process.env['CI'] !== undefined) return true;
  process.stderr.write(`Tests in a browser are skipped. ${INSTALL}\n`);
  return false;
}

/** @throws {Error} without Chromium */
export function startBrowser(): Promise<Browser> {
  if (PROGRAM === undefined) throw new Error(INSTALL);
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
  return chromium.launch({ executablePath: PROGRAM, args: ['--disable-gpu', ...sandbox] });
}
