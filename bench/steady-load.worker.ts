import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface SteadyLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted in turn; without any it is GET. */
  readonly bodies: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
}

export interface SteadyResult {
  /** Milliseconds to each answer, by status. */
  readonly times: Readonly<Record<number, number[]>>;
  /** Not answered a second after the last was sent; their connections are closed. */
  readonly unanswered: number;
  readonly failed: number;
}

const { url, headers, bodies, perSecond, seconds } = workerData as SteadyLoad;
const agent = new Agent({ keepAlive: true });
const times: Record<number, number[]> = {};
let [unanswered, failed] = [0, 0];

function ask(body: string | undefined): Promise<void> {
  const askedAt = performance.now();
  unanswered++;
  return new Promise((resolve) => {
    const asking = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      response.resume().once('end', () => {
        (times[response.statusCode ?? 0] ??= []).push(performance.now() - askedAt);
        unanswered--;
        resolve();
      });
    });
    asking.once('error', () => {
      unanswered--;
      failed++;
      resolve();
    });
    asking.end(body);
  });
}

/** One request after the other at its time, whether those before it are answered or not. */
const asked: Promise<void>[] = [];
const startedAt = performance.now();
for (let turn = 0; turn < perSecond * seconds; turn++) {
  const wait = startedAt + (turn * 1000) / perSecond - performance.now();
  if (wait > 0) await pause(wait);
  asked.push(ask(bodies[turn % bodies.length]));
}
await Promise.race([Promise.all(asked), pause(1000)]);
parentPort?.postMessage({ times, unanswered, failed } satisfies SteadyResult);
agent.destroy();
