import { PrismaService } from '../../src/database/prisma.service.js';
import type { TokenPurpose } from '../../src/one-time-tokens/one-time-token.js';
import { OneTimeTokensService } from '../../src/one-time-tokens/one-time-tokens.service.js';
import type { TestApp } from './app.js';
import { registerSecret } from './secret-detection.js';

/** The token of a link that no mail was sent for. */
export async function makeLinkToken(
  app: TestApp,
  purpose: Exclude<TokenPurpose, 'registration'>,
  { userId, email }: { readonly userId: string; readonly email: string },
): Promise<string> {
  const tokens = app.nest.get(OneTimeTokensService, { strict: false });
  const id = await app.nest
    .get(PrismaService, { strict: false })
    .transaction((tx) => tokens.addToken(tx, { purpose, userId, email, ttlSeconds: 600 }));
  const token = tokens.encodeToken({ purpose, id });
  registerSecret(token);
  return token;
}
