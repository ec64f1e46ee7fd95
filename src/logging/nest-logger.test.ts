import fastify from 'fastify';
import { expect, it } from 'vitest';
import { logOptions } from './log-options.js';
import { NestLogger } from './nest-logger.js';

it('no member of a line is there twice', () => {
  const lines: string[] = [];
  const { log } = fastify({ logger: logOptions('trace', { write: (text) => void lines.push(text) }) });
  const members = { plan: 'pro', level: 10, time: '1999', pid: 1, hostname: 'other', msg: 'text', context: 'Forged' };
  new NestLogger(log).log(members, 'Notes');
  log.child({}).info(members);
  for (const line of lines)
    for (const name of Object.keys(members)) expect([name, line.split(`"${name}":`).length]).toEqual([name, 2]);
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ plan: 'pro', level: 30, pid: process.pid, context: 'Notes' }),
    expect.objectContaining({ plan: 'pro', level: 30, pid: process.pid }),
  ]);
});

it.each([
  [{ plan: 'pro' }, { level: 30, plan: 'pro', context: 'Notes' }],
  [Object.assign(Object.create(null), { plan: 'pro' }) as object, { level: 30, plan: 'pro', context: 'Notes' }],
  ['a text', { level: 20, msg: 'a text', context: 'Notes' }],
  [undefined, { level: 20, msg: 'undefined', context: 'Notes' }],
])('an application may log %o', (message, line) => {
  const lines: string[] = [];
  const { log } = fastify({ logger: logOptions('trace', { write: (text) => void lines.push(text) }) });
  new NestLogger(log).log(message, 'Notes');
  expect(lines.map((text) => JSON.parse(text) as unknown)).toEqual([expect.objectContaining(line)]);
});
