import { spawnSync } from 'node:child_process';

/** Builds and serves; `node --watch-path` runs it again when a source changes. A build that fails waits for that change. */
const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
if (status === 0) await import('../dist/main.js');
