import { spawnSync } from 'node:child_process';

/** Builds and serves; `node --watch-path` runs it again when a source changes. After a failed build it waits for that change. */
const { status } = spawnSync('npm', ['run', '--silent', 'build'], { stdio: 'inherit' });
if (status === 0) await import('../dist/main.js');
