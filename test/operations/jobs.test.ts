import { Injectable, Module, type Type } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BackgroundJobs } from '../../src/jobs/background-jobs.js';
import { JobsModule } from '../../src/jobs/jobs.module.js';
import { createDatabase, query, startApp, testConfig } from '../support/app.js';

/** A feature whose provider adds a job in its constructor, as an application does. */
function featureWith(add: (jobs: BackgroundJobs) => void): Type {
  @Injectable()
  class Notes {
    constructor(jobs: BackgroundJobs) {
      add(jobs);
    }
  }
  @Module({ imports: [JobsModule], providers: [Notes] })
  class NotesModule {}
  return NotesModule;
}

const work = async (): Promise<void> => undefined;

describe('a job of an application', () => {
  it.each([
    ['a bad name', (jobs: BackgroundJobs) => jobs.every(60, 'Notes', work), '"Notes" is no name for a job'],
    ['a bad interval', (jobs: BackgroundJobs) => jobs.every(0, 'notes', work), 'needs an interval'],
    [
      'the name of one of ours',
      (jobs: BackgroundJobs) => jobs.every(60, 'purge sessions', work),
      'There are two jobs called "purge sessions"',
    ],
  ])('with %s stops the start', async (_, add, message) => {
    await expect(startApp({ features: [featureWith(add)] })).rejects.toThrow(message);
  });

  it('runs at its interval, and its failures are counted and logged as ours are', async () => {
    const runs: number[] = [];
    const feature = featureWith((jobs) =>
      jobs.every(1, 'count notes', () => {
        runs.push(performance.now());
        throw new Error('no notes');
      }),
    );
    const app = await startApp({ features: [feature] });
    await expect.poll(() => runs.length, { timeout: 20_000 }).toBeGreaterThan(1);
    const jobs = app.nest.get(BackgroundJobs, { strict: false });
    expect(jobs.failureCounts()['count notes']).toBeGreaterThan(1);
    const lines = app.log().filter(({ event }) => event === 'chore_failed');
    expect(lines).toMatchObject([{ chore: 'count notes', level: 40, err: { message: 'no notes' } }]);
  });
});

/** Processes of nodes on one database, each with the same job. */
async function nodesOf(count: number) {
  const databaseUrl = await createDatabase();
  const runs: { node: number; ended: AbortSignal }[] = [];
  const nodes = Array.from({ length: count }, (_, node) => {
    const jobs = new BackgroundJobs(testConfig(databaseUrl));
    jobs.every(1, 'notes', (ended) => void runs.push({ node, ended }), { alone: true });
    jobs.every(1, 'more notes', work, { alone: true });
    onTestFinished(() => jobs.onModuleDestroy());
    return jobs;
  });
  const runAll = async (): Promise<void> => {
    await Promise.all(nodes.map((jobs) => jobs.runJob('notes')));
  };
  return { databaseUrl, runs, nodes, runAll };
}

describe('a job that runs alone', { timeout: 60_000 }, () => {
  const LOCK_CONNECTIONS = `SELECT pid FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'gatehouse job locks'`;

  it('runs in one process of all nodes, by one connection for all its jobs', async () => {
    const { databaseUrl, runs, nodes, runAll } = await nodesOf(5);
    for (let round = 0; round < 10; round++) await runAll();
    const [first] = runs;
    expect(runs.map(({ node }) => node)).toEqual(Array.from({ length: 10 }, () => first?.node));
    await nodes[first?.node ?? 0]?.runJob('more notes');
    await expect.poll(() => query(databaseUrl, LOCK_CONNECTIONS)).toHaveLength(1);
    for (const jobs of nodes) expect(jobs.failureCounts()).toEqual({ notes: 0, 'more notes': 0 });
  });

  it('runs beside that of another service, whose tables are in another schema of the database', async () => {
    const url = new URL(await createDatabase());
    const ran: string[] = [];
    for (const schema of ['public', 'second']) {
      url.searchParams.set('schema', schema);
      const jobs = new BackgroundJobs(testConfig(url.href));
      jobs.every(1, 'notes', () => void ran.push(schema), { alone: true });
      onTestFinished(() => jobs.onModuleDestroy());
      await jobs.runJob('notes');
    }
    expect(ran).toEqual(['public', 'second']);
  });

  it('is taken over when its process ends, and not before its run has ended', async () => {
    const { runs, nodes, runAll } = await nodesOf(2);
    await runAll();
    const [holder, other] = runs[0]?.node === 0 ? nodes : nodes.toReversed();
    await holder?.onModuleDestroy();
    expect(runs[0]?.ended.aborted).toBe(true);
    const takenOver = async (): Promise<number> => {
      await other?.runJob('notes');
      return runs.length;
    };
    await expect.poll(takenOver, { timeout: 20_000, interval: 200 }).toBe(2);
    expect(runs[1]?.node).not.toBe(runs[0]?.node);
  });

  it('learns that its connection is lost, and its process or another goes on', async () => {
    const { databaseUrl, runs, runAll } = await nodesOf(2);
    await runAll();
    expect(runs[0]?.ended.aborted).toBe(false);
    await query(databaseUrl, `SELECT pg_terminate_backend(pid) FROM (${LOCK_CONNECTIONS}) holders`);
    await expect.poll(() => runs[0]?.ended.aborted).toBe(true);
    await expect.poll(() => runAll().then(() => runs.length), { timeout: 20_000, interval: 200 }).toBeGreaterThan(1);
  });

  it('keeps its lock while it runs longer than ten seconds', async () => {
    const { databaseUrl } = await nodesOf(0);
    const [slow, other] = [0, 1].map(() => new BackgroundJobs(testConfig(databaseUrl)));
    onTestFinished(async () => {
      await Promise.all([slow?.onModuleDestroy(), other?.onModuleDestroy()]);
    });
    const steps: string[] = [];
    const sleep = async (): Promise<void> => {
      steps.push('begun');
      await pause(12_000);
      steps.push('ended');
    };
    slow?.every(1, 'notes', sleep, { alone: true });
    other?.every(1, 'notes', () => steps.push('other'), { alone: true });
    const running = slow?.runJob('notes');
    await expect.poll(() => steps).toEqual(['begun']);
    const asking = setInterval(() => void other?.runJob('notes'), 1000);
    await running;
    clearInterval(asking);
    expect(steps).toEqual(['begun', 'ended']);
    expect(slow?.failureCounts()).toEqual({ notes: 0 });
  });
});
