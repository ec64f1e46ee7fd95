import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

export interface SteadyLoad {
  readonly url: string;
  readonly token: string;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface SteadyResult {
  readonly milliseconds: number[];
  /** Neither 200 nor answered at all. */
  readonly lost: number;
}

const { url, token, perSecond, seconds } = workerData as SteadyLoad;
const agent = new Agent({ keepAlive: true });
const milliseconds: number[] = [];
let lost = 0;

function ask(): Promise<void> {
  const askedAt = performance.now();
  return new Promise((resolve) => {
    const onLost = (): void => {
      lost++;
      resolve();
    };
    get(url, { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
      if (response.statusCode !== 200) lost++;
      response.resume().once('end', () => {
        milliseconds.push(performance.now() - askedAt);
        resolve();
      });
    }).once('error', onLost);
  });
}

/** One request after the other at its time, whether those before it are answered or not. */
const asked: Promise<void>[] = [];
const startedAt = performance.now();
for (let turn = 0; turn < perSecond * seconds; turn++) {
  const wait = startedAt + (turn * 1000) / perSecond - performance.now();
  if (wait > 0) await pause(wait);
  asked.push(ask());
}
await Promise.all(asked);
agent.destroy();
parentPort?.postMessage({ milliseconds, lost } satisfies SteadyResult);
