import fastify from 'fastify';
import { expect, it } from 'vitest';
import { logOptions } from './log-options.js';
import { NestLogger } from './nest-logger.js';

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
