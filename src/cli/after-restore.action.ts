import type { TerminationSignals } from '../config/termination-signals.js';
import { withServices } from './command-database.js';

/** Ends every session and replaces every signing key that a restored dump brought back. */
export async function runAfterRestore(termination: TerminationSignals, isSecretChanged: boolean): Promise<void> {
  await withServices(termination, async (services) => {
    const { AfterRestoreService } = await import('../auth/after-restore.service.js');
    const restore = services.get(AfterRestoreService, { strict: false });
    const { endedSessions, revokedKeys } = await restore.endAllAccess(isSecretChanged);
    process.stdout.write(`sessions ended: ${endedSessions}, signing keys revoked: ${revokedKeys}\n`);
  });
}
