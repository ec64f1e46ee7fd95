import { RestoreService } from '../auth/restore.service.js';
import { runScript, withServices } from './with-services.js';

const USAGE = 'usage: npm run after-restore [-- --jwt-secret-changed]';
const SECRET_CHANGED = '--jwt-secret-changed';

/** What an operator runs after a dump was restored, before the first node starts. May be run again at any time. */
await runScript(async (args) => {
  if (args.length > 1 || args.some((arg) => arg !== SECRET_CHANGED)) throw new Error(USAGE);
  await withServices(async (services) => {
    const restore = services.get(RestoreService, { strict: false });
    const { endedSessions, revokedKeys } = await restore.endEverything(args.includes(SECRET_CHANGED));
    process.stdout.write(`sessions ended: ${endedSessions}, signing keys revoked: ${revokedKeys}\n`);
  });
});
