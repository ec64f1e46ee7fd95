import { expect, it } from 'vitest';
import { createDatabase } from '../support/app.js';
import { claimsOf, tokensOf, type Client } from '../support/client.js';
import { startNode } from '../support/processes.js';

const HOUR = 3600;
/** Successive shifts of one node's clock, in seconds. */
const SHIFTS = [-HOUR, HOUR, 29, -29, 0];
const TOLERANCE = 30;

/** The difference between a node's clock and this one, from `iat` of a new token. */
async function shiftOf(node: Client, email: string): Promise<number> {
  const { token } = await node.signInAs(email);
  return Number(claimsOf(token)['iat']) - Date.now() / 1000;
}

async function statuses(nodes: readonly Client[], tokens: readonly string[]): Promise<Set<number>> {
  const answers = nodes.flatMap((node) => tokens.map(async (token) => (await node.me(token)).status));
  return new Set(await Promise.all(answers));
}

it(
  'a clock that is off by half a minute breaks nothing, and one that steps by an hour costs at most a refresh (FLT-13)',
  { timeout: 60_000 },
  async () => {
    const databaseUrl = await createDatabase();
    const clock = { NODE_OPTIONS: '--import ./test/support/shifted-clock.ts', CLOCK_SHIFTS: SHIFTS.join(',') };
    const limited = { RATE_LIMITS: 'on' };
    const started = await Promise.all([
      startNode(databaseUrl, limited),
      startNode(databaseUrl, { ...limited, ...clock }),
    ]);
    const nodes = started.map(({ client }) => client);
    const [right, wrong] = nodes as [Client, Client];
    const longSession = await right.signIn();
    const { email: shiftProbeEmail } = await right.signIn();
    let { refreshToken } = longSession;
    const revoked: string[] = [];
    for (const [step, shift] of SHIFTS.entries()) {
      if (step > 0) started[1]?.process.kill('SIGUSR2');
      await expect.poll(async () => Math.abs((await shiftOf(wrong, shiftProbeEmail)) - shift)).toBeLessThan(5);
      for (const [node, other] of [
        [right, wrong],
        [wrong, right],
      ] as const) {
        // One session lasts through all steps, whichever node issued its last token.
        const answer = await node.refresh(refreshToken);
        expect([shift, answer.status]).toEqual([shift, 200]);
        refreshToken = tokensOf(answer).refreshToken;
        expect([shift, (await node.me(tokensOf(answer).token)).status]).toEqual([shift, 200]);

        const user = await node.signInAs(longSession.email);
        if (Math.abs(shift) < TOLERANCE)
          expect([shift, ...(await statuses(nodes, [user.token]))]).toEqual([shift, 200]);
        const elsewhere = tokensOf(await other.refresh(user.refreshToken));
        expect([shift, (await other.me(elsewhere.token)).status]).toEqual([shift, 200]);
        expect((await other.logout(elsewhere.token)).status).toBe(204);
        revoked.push(user.token, elsewhere.token);
        expect((await node.call('GET', '/health/ready')).status).toBe(200);
      }
      await expect.poll(async () => [...(await statuses(nodes, revoked))], { timeout: 5000 }).toEqual([401]);
    }
  },
);
