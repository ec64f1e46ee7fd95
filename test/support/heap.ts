import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes in use after everything unreachable is gone. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a first collection finalises is gone after the second.
  for (let turn = 0; turn < 3; turn++) collect();
  return process.memoryUsage().heapUsed;
}
