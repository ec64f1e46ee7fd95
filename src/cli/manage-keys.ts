import { KeysService } from '../auth/keys.service.js';
import { runScript, withServices } from './with-services.js';

const USAGE = 'usage: npm run keys -- list | rotate | revoke KID';

/** What an operator does to the signing keys. */
await runScript(async ([action, kid, ...rest]) => {
  const takesKid = action === 'revoke';
  if (rest.length > 0 || !['list', 'rotate', 'revoke'].includes(String(action)) || takesKid !== Boolean(kid)) {
    throw new Error(USAGE);
  }
  await withServices(async (services) => {
    const keys = services.get(KeysService, { strict: false });
    if (kid !== undefined) await keys.revoke(kid);
    else if (action === 'rotate') await keys.rotate();
    await list(keys);
  });
});

/** One line a key: kid, algorithm, state, and since when it is in it. */
async function list(keys: KeysService): Promise<void> {
  for (const { kid, alg, state, createdAt, activatedAt, retiredAt, goneAt } of await keys.list()) {
    const since = goneAt ?? retiredAt ?? activatedAt ?? createdAt;
    process.stdout.write(`${[kid, alg, state, since.toISOString()].join('\t')}\n`);
  }
}
