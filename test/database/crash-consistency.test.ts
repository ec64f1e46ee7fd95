import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { Client } from '../support/client.js';
import { Account, randomNumbers, type Call } from '../support/account-history.js';
import { DedicatedPostgres } from '../support/dedicated-postgres.js';
import { freePort, startMain, MASTER_SECRET, type Program } from '../support/processes.js';

const SECONDS = Number(process.env['FAULT_SECONDS'] ?? 8);
const SEED = Number(process.env['FAULT_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ACCOUNTS = 8;
/** The pause between two kills. */
const MIN_PAUSE_MS = 1000;
const MAX_PAUSE_MS = 4000;

/** A node on a fixed port that is restarted whenever it exits, as a supervisor does. */
class SupervisedNode {
  readonly client: Client;
  #program: Program;
  #isOver = false;

  constructor(
    private readonly environment: Record<string, string>,
    port: number,
  ) {
    this.client = new Client(`http://127.0.0.1:${port}`);
    this.#program = this.#start();
  }

  async close(): Promise<void> {
    this.#isOver = true;
    const { process: child } = this.#program;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    await once(child, 'close');
  }

  kill(): void {
    this.#program.process.kill('SIGKILL');
  }

  #start(): Program {
    const program = startMain({ ...this.environment, PORT: new URL(this.client.url).port }, () => undefined);
    program.process.once('close', () => {
      // A node that finds no database exits too, and is restarted.
      if (!this.#isOver) this.#program = this.#start();
    });
    return program;
  }
}

it(
  'acknowledged writes survive random kills of two nodes and the database (FLT-02, FLT-03)',
  { timeout: SECONDS * 1000 + 120_000 },
  async () => {
    const random = randomNumbers(SEED);
    const database = await DedicatedPostgres.start();
    const environment = { DATABASE_URL: database.url, MASTER_SECRET, LOG_LEVEL: 'fatal' };
    const nodes = [
      new SupervisedNode(environment, await freePort()),
      new SupervisedNode(environment, await freePort()),
    ];
    onTestFinished(async () => void (await Promise.all(nodes.map((node) => node.close()))));
    const isReady = async ({ client }: SupervisedNode): Promise<boolean> =>
      (await client.call('GET', '/health/ready').catch(() => ({ status: 0 }))).status === 200;
    const allReady = () =>
      expect.poll(async () => (await Promise.all(nodes.map(isReady))).every(Boolean), { timeout: 60_000 }).toBe(true);
    await allReady();

    const startedAt = performance.now();
    const now = (): number => performance.now() - startedAt;
    const calls: Call[] = [];
    const accounts = Array.from(
      { length: ACCOUNTS },
      (_, number) =>
        new Account(
          `account-${number}@example.com`,
          nodes.map(({ client }) => client),
          randomNumbers(SEED + number + 1),
          (call) => void calls.push(call),
          now,
        ),
    );
    const isOver = (): boolean => now() > SECONDS * 1000;
    const working = accounts.map(async (account) => {
      while (!isOver()) await account.step();
    });
    let kills = 0;
    while (!isOver()) {
      await pause(MIN_PAUSE_MS + random() * (MAX_PAUSE_MS - MIN_PAUSE_MS));
      kills++;
      // At least one kill of the database, even in the shortest run.
      if (kills === 2 || random() < 0.4) database.kill();
      else nodes[Math.floor(random() * nodes.length)]?.kill();
    }
    await Promise.all(working);
    await allReady();
    // By then every node has read the last revocations.
    await pause(1500);
    for (const account of accounts) await account.checkFinalState();

    const violations = accounts.flatMap((account) => account.violations);
    const around = violations.length === 0 ? [] : calls.slice(-200);
    expect({ seed: SEED, violations, around }).toEqual({ seed: SEED, violations: [], around: [] });
    expect(kills).toBeGreaterThan(2);
    const done = (operation: string): number =>
      calls.filter((call) => call.operation === operation && call.outcome === 'done').length;
    for (const operation of ['register', 'login', 'refresh', 'password', 'logout', 'user']) {
      expect([operation, done(operation) > 0]).toEqual([operation, true]);
    }
    console.log(
      `seed ${SEED}: ${calls.length} calls, ${calls.filter(({ outcome }) => outcome === 'unknown').length} of unknown outcome, ${kills} kills`,
    );
  },
);
