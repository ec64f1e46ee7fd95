import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildersRoute, guardedRoute, ownHeaders, startGatehouse, startPeer } from '../compared-servers.ts';
import { withBench, type Effort } from '../harness.ts';
import { measureServers } from '../measure-rounds.ts';
import { computed, ratio, type Measure, type Measured, type Result } from '../results.ts';

const SCENARIO = 'fastify';
/** The settings of the benchmark would leave out the rate limits, too. */
const DEFAULTS = { LOG_LEVEL: 'info', RATE_LIMITS: 'on' };
const WARN = { ...DEFAULTS, LOG_LEVEL: 'warn' };

const MODES = ['warn', 'defaults'] as const;

/** Whose code a guarded request pays for: Node's, Fastify's, Nest's, ours. */
export async function fastify(effort: Effort): Promise<Result> {
  const folder = mkdtempSync(join(tmpdir(), 'gatehouse-bench-log-'));
  try {
    const servers = await withBench((bench) =>
      measureServers(effort, async () => {
        const warn = await startGatehouse(bench, WARN);
        const defaults = await startGatehouse(bench, DEFAULTS, '/dev/null');
        const guarded = await guardedRoute(warn);
        const headers = await ownHeaders(guarded);
        return {
          'raw node:http': await startPeer(bench, 'raw node:http'),
          'raw Fastify': await startPeer(bench, 'raw Fastify'),
          'raw Fastify, our headers': await startPeer(bench, 'raw Fastify, our headers', { headers }),
          'least Nest': await startPeer(bench, 'least Nest'),
          'guarded, warn': guarded,
          'guarded, defaults': await guardedRoute(defaults),
          'guarded, defaults to a file': await guardedRoute(await startGatehouse(bench, DEFAULTS, join(folder, 'log'))),
          "builder's route, warn": await buildersRoute(warn),
          "builder's route, defaults": await buildersRoute(defaults),
        };
      }),
    );
    const about =
      'whose code a request pays for; the least Nest application has one controller, a response schema and a constant answer';
    return { scenario: SCENARIO, about, effort, servers, measures: measuresOf(servers) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function measuresOf(servers: Readonly<Record<string, Measured>>): Measure[] {
  const share = (name: string, [one, other]: readonly [string, string]): Measure =>
    computed(SCENARIO, servers, {
      name: `a request: ${name}`,
      unit: 'µs',
      of: [one, other],
      compute: (cpu, ofOther) => cpu - ofOther,
    });
  return [
    ...MODES.map((mode) => ratio(SCENARIO, servers, [`guarded, ${mode}`, 'least Nest'])),
    ratio(SCENARIO, servers, ['guarded, defaults to a file', 'least Nest']),
    ...MODES.map((mode) => ratio(SCENARIO, servers, [`builder's route, ${mode}`, 'least Nest'])),
    ...MODES.map((mode) =>
      computed(SCENARIO, servers, {
        name: `(builder's route - guarded) / least Nest, ${mode}`,
        unit: 'difference of ratios',
        of: [`builder's route, ${mode}`, `guarded, ${mode}`, 'least Nest'],
        compute: (builders, guarded, nest) => (builders - guarded) / nest,
      }),
    ),
    ratio(SCENARIO, servers, ['guarded, warn', 'raw Fastify']),
    ratio(SCENARIO, servers, ['least Nest', 'raw Fastify']),
    computed(SCENARIO, servers, {
      name: 'a request: Node',
      unit: 'µs',
      of: ['raw node:http'],
      compute: (cpu) => cpu,
    }),
    share('Fastify', ['raw Fastify', 'raw node:http']),
    share('Nest', ['least Nest', 'raw Fastify']),
    share('Gatehouse, all but the request log', ['guarded, warn', 'least Nest']),
    share('… of which its headers', ['raw Fastify, our headers', 'raw Fastify']),
    share('Gatehouse, request log to /dev/null', ['guarded, defaults', 'guarded, warn']),
  ];
}
