import { expect, it } from 'vitest';
import { HashOverloadLog } from './hash-overload-log.js';

it('refused hashes are logged once when they begin and once when they are over', async () => {
  const lines: object[] = [];
  const overloadLog = new HashOverloadLog((line) => lines.push(line), 20);
  overloadLog.countShed('gone');
  expect(lines).toEqual([]);
  for (const reason of ['arrival', 'arrival', 'deadline', 'gone', 'arrival'] as const) overloadLog.countShed(reason);
  expect(lines).toEqual([{ event: 'hashes_shed' }]);
  await expect.poll(() => lines.slice(1)).toEqual([{ event: 'hashes_shed_no_more', arrival: 3, deadline: 1 }]);
  overloadLog.countShed('deadline');
  expect(lines.slice(2)).toEqual([{ event: 'hashes_shed' }]);
  await expect.poll(() => lines.slice(3)).toEqual([{ event: 'hashes_shed_no_more', arrival: 0, deadline: 1 }]);
});
