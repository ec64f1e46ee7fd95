import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Database, createApp } from '../../src/index.js';
import { createDatabase, query } from '../support/app.js';
import { Client } from '../support/client.js';
import { MASTER_SECRET, waitForExit, waitForUrl, type Environment, type Program } from '../support/processes.js';
import { linesOf, workersOf } from '../support/workers.js';

/** Longest waits for processes to start. */
const STARTING = { timeout: 120_000 };
const PATIENT = { DATABASE_CONNECTION_TIMEOUT_MS: '20000' };
const TEST = { timeout: 300_000 };

/** A program with a module of its own, compiled: Node runs no decorators. `DELAY` stands for what else it loads. */
const PROGRAM = `
import { Controller, Get, Module } from '@nestjs/common';
import { setTimeout as pause } from 'node:timers/promises';
import { CurrentUser, serve } from '${resolve('dist/index.js')}';

await pause(Number(process.env.DELAY ?? 0));
class NotesController {
  mine(user) {
    return { notesOf: user.userId, pid: process.pid, args: process.argv.slice(2), isMain: import.meta.main };
  }
}
Get('mine')(NotesController.prototype, 'mine', Object.getOwnPropertyDescriptor(NotesController.prototype, 'mine'));
CurrentUser()(NotesController.prototype, 'mine', 0);
Controller('v1/notes')(NotesController);
class NotesModule {}
Module({ controllers: [NotesController] })(NotesModule);
await serve({ name: 'Notes', features: [NotesModule] });
`;

async function startProgram(changes: Environment = {}): Promise<Program & { pid: number; stderr: () => string }> {
  mkdirSync('test/.programs', { recursive: true });
  const folder = mkdtempSync('test/.programs/own-');
  writeFileSync(`${folder}/main.mjs`, PROGRAM);
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [`${folder}/main.mjs`, '--of-its-own'], {
    env: { ...inherited, PORT: '0', MASTER_SECRET, ...PATIENT, DATABASE_URL: await createDatabase(), ...changes },
    detached: true,
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (errors += chunk));
  const pid = child.pid ?? 0;
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      process.kill(-pid, 'SIGKILL');
      await once(child, 'close');
    }
    rmSync(folder, { recursive: true });
  });
  return { process: child, output: () => output + errors, stderr: () => errors, pid };
}

it('a program of its own serves its modules in one process, and ends with 0 on a signal', TEST, async () => {
  const program = await startProgram({ DOCS: 'on' });
  const client = new Client(await waitForUrl(program, STARTING.timeout));
  const { token, userId } = await client.signIn();
  expect((await client.call('GET', '/v1/notes/mine')).status).toBe(401);
  const { body } = await client.call('GET', '/v1/notes/mine', { token });
  expect(body).toEqual({ notesOf: userId, pid: program.pid, args: ['--of-its-own'], isMain: true });
  expect((await client.call('GET', '/openapi.json')).body).toMatchObject({ info: { title: 'Notes' } });
  program.process.kill('SIGTERM');
  expect([await waitForExit(program), program.stderr()]).toEqual([0, '']);
});

it('a program of its own serves its modules in each of its workers, and ends with them on a signal', TEST, async () => {
  const program = await startProgram({ WORKERS: '2' });
  const client = new Client(await waitForUrl(program, STARTING.timeout));
  await expect.poll(() => linesOf(program, 'Server listening').length, STARTING).toBe(2);
  const { token, userId } = await client.signIn();
  const { body } = await client.call('GET', '/v1/notes/mine', { token });
  expect(body).toEqual({ notesOf: userId, pid: expect.any(Number) as number, args: ['--of-its-own'], isMain: true });
  expect(workersOf(program.pid)).toContain(body['pid']);
  program.process.kill('SIGTERM');
  expect([await waitForExit(program), program.stderr()]).toEqual([0, '']);
});

it('a signal to all of its processes, before the workers have loaded the program, ends it with 0', TEST, async () => {
  const program = await startProgram({ WORKERS: '2', DELAY: '1000' });
  await expect.poll(() => workersOf(program.pid).length, STARTING).toBe(2);
  process.kill(-program.pid, 'SIGTERM');
  expect([await waitForExit(program), program.stderr()]).toEqual([0, '']);
  expect(workersOf(program.pid)).toEqual([]);
});

it('a program that cannot start says why in one line, and ends with 1', TEST, async () => {
  const program = await startProgram({ PORT: 'x' });
  expect(await waitForExit(program)).toBe(1);
  expect(program.stderr()).toMatch(/^The settings are not usable:\n {2}PORT [^\n]+\n$/);
});

it('createApp hands over an application that does not listen, with the database of Gatehouse', TEST, async () => {
  const url = await createDatabase();
  const settings = { ...PATIENT, DATABASE_URL: url, MASTER_SECRET, LOG_LEVEL: 'silent', PORT: '0' };
  const app = await createApp({ settings });
  try {
    const database = app.nest.get(Database, { strict: false });
    await database.execute`CREATE TABLE own_program_texts (text text UNIQUE)`;
    const failed = database.transaction(async (tx) => {
      expect(await tx.execute`INSERT INTO own_program_texts VALUES (${"'"}), (${'two'})`).toBe(2);
      throw new Error('undone');
    });
    await expect(failed).rejects.toThrow('undone');
    expect(await database.query`SELECT text FROM own_program_texts WHERE text <> ${'x'}`).toEqual([]);
    expect((await fetch(`${await app.listen()}/health/ready`)).status).toBe(200);
  } finally {
    await app.close();
  }
  expect(await query(url, 'SELECT count(*)::int FROM own_program_texts')).toEqual([{ count: 0 }]);
});
