import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of heap in use after garbage collection. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // Objects finalized by one collection are freed by the next.
  for (let turn = 0; turn < 3; turn++) collect();
  return process.memoryUsage().heapUsed;
}
