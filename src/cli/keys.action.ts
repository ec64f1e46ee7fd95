import type { KeyAdministrationService } from '../auth/key-administration.service.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './command-database.js';

/** One line a key: kid, algorithm, state, and since when it is in it. */
export function runKeysList(termination: TerminationSignals): Promise<void> {
  return withKeys(termination, async () => undefined);
}

export function runKeysRotate(termination: TerminationSignals): Promise<void> {
  return withKeys(termination, (keys) => keys.rotateSigningKey());
}

export function runKeysRevoke(termination: TerminationSignals, kid: string): Promise<void> {
  return withKeys(termination, (keys) => keys.revokeSigningKey(kid));
}

/** Does the work, then lists the keys. */
async function withKeys(
  termination: TerminationSignals,
  work: (keys: KeyAdministrationService) => Promise<void>,
): Promise<void> {
  await withServices(termination, async (services) => {
    const { KeyAdministrationService } = await import('../auth/key-administration.service.js');
    const keys = services.get(KeyAdministrationService, { strict: false });
    await work(keys);
    for (const { kid, alg, state, createdAt, activatedAt, retiredAt, goneAt } of await keys.listSigningKeys()) {
      const since = goneAt ?? retiredAt ?? activatedAt ?? createdAt;
      process.stdout.write(`${[kid, alg, state, since.toISOString()].join('\t')}\n`);
    }
  });
}
