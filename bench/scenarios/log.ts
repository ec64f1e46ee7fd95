import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guardedRoute, startGatehouse } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { measureServers } from '../measure-rounds.ts';
import { ratio, type Result } from '../results.ts';

/** The cost of the access log, one line for each request, which is on by default. */
export async function log(effort: Effort): Promise<Result> {
  const scenario = 'log';
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-log-'));
  try {
    return await withBench(async (bench) => {
      const logging = (stdout: string) => startGatehouse(bench, { LOG_LEVEL: 'info' }, stdout);
      const servers = await measureServers(effort, async () => ({
        'no request log': await guardedRoute(await startGatehouse(bench)),
        'log to /dev/null': await guardedRoute(await logging('/dev/null')),
        'log to a file': await guardedRoute(await logging(join(folder, 'log'))),
      }));
      const measures = [
        ratio(scenario, servers, ['log to /dev/null', 'no request log']),
        ratio(scenario, servers, ['log to a file', 'no request log']),
      ];
      return {
        scenario,
        about: 'the guarded route under LOG_LEVEL=info over the same under warn',
        effort,
        servers,
        measures,
      };
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
