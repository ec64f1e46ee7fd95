import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, onTestFinished } from 'vitest';
import { freePort } from '../support/processes.js';
import { restartInTurn, type ReverseProxy } from '../support/rolling-restarts.js';

/** Its folder is not always in PATH. */
const PROGRAM = ['haproxy', '/usr/sbin/haproxy'].find((program) => spawnSync(program, ['-v']).status === 0);

function configuration(port: number, statsPort: number, nodes: readonly URL[]): string {
  return `
defaults
  mode http
  timeout connect 2s
  timeout client 30s
  timeout server 30s
  timeout check 1s
  option redispatch
frontend front
  bind 127.0.0.1:${port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /health/serving
  http-check expect status 200
  default-server check inter 200ms fall 1 rise 1
${nodes.map(({ host }, index) => `  server node${index} ${host}\n`).join('')}
frontend stats
  bind 127.0.0.1:${statsPort}
  stats enable
  stats uri /
`;
}

/** Starts HAProxy in the foreground with its own configuration; stopped at the end of the test. */
async function openHaProxy(nodes: readonly URL[]): Promise<ReverseProxy> {
  const [port, statsPort] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-haproxy-'));
  const file = join(folder, 'haproxy.cfg');
  writeFileSync(file, configuration(port, statsPort, nodes));
  const child = spawn(PROGRAM ?? 'haproxy', ['-db', '-f', file], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const ready = async (): Promise<number> => {
    const answer = await fetch(`http://127.0.0.1:${statsPort}/;csv`).catch(() => undefined);
    const lines = (await answer?.text())?.split('\n') ?? [];
    return lines.filter((line) => line.startsWith('nodes,node') && line.includes(',UP,')).length;
  };
  return { url: `http://127.0.0.1:${port}`, ready };
}

describe('two nodes behind HAProxy (skipped where haproxy is not installed)', () => {
  it.skipIf(PROGRAM === undefined)(
    'lose no request when they are restarted in turn (FLT-04, FLT-12)',
    { timeout: 240_000 },
    () => restartInTurn(openHaProxy),
  );
});
