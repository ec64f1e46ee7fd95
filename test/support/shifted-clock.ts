import { isMainThread } from 'node:worker_threads';

/**
 * Loaded before a program: its wall clock is wrong by the first of the seconds in `CLOCK_SHIFTS`, and steps to the next ones at each
 * SIGUSR2. The monotonic clock stays as it is, as in a machine whose time is set.
 */
const shifts = (process.env['CLOCK_SHIFTS'] ?? '0').split(',').map((seconds) => Number(seconds) * 1000);
let step = 0;
const Right = Date;
const now = (): number => Right.now() + (shifts[step] ?? 0);

globalThis.Date = new Proxy(Right, {
  construct: (target, parameters, newTarget): object =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget) as object,
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});

if (isMainThread) process.on('SIGUSR2', () => step++);
