import { RestoreService } from '../auth/restore.service.js';
import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './with-services.js';

/** Ends every session and replaces every signing key that a restored dump brought back. */
export async function endRestoredAccess(termination: TerminationSignals, isSecretChanged: boolean): Promise<void> {
  await withServices(termination, async (services) => {
    const restore = services.get(RestoreService, { strict: false });
    const { endedSessions, revokedKeys } = await restore.endEverything(isSecretChanged);
    process.stdout.write(`sessions ended: ${endedSessions}, signing keys revoked: ${revokedKeys}\n`);
  });
}
