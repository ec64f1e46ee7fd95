import { isMainThread } from 'node:worker_threads';

/**
 * Preloaded into a program (`--import`): shifts its wall clock by the first number of seconds in `CLOCK_SHIFTS`, and by
 * the next one after each SIGUSR2. The monotonic clock is unchanged, as when a machine's time is set.
 */
const shifts = (process.env['CLOCK_SHIFTS'] ?? '0').split(',').map((seconds) => Number(seconds) * 1000);
let step = 0;
const RealDate = Date;
const now = (): number => RealDate.now() + (shifts[step] ?? 0);

globalThis.Date = new Proxy(RealDate, {
  construct: (target, parameters, newTarget): object =>
    Reflect.construct(target, parameters.length === 0 ? [now()] : parameters, newTarget) as object,
  get: (target, name, receiver) => (name === 'now' ? now : (Reflect.get(target, name, receiver) as unknown)),
});

if (isMainThread) process.on('SIGUSR2', () => step++);
