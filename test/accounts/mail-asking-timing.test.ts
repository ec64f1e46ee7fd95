import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { PASSWORD } from '../support/app.js';
import { MailboxApp } from '../support/mailbox.js';

const SAMPLES = 300;
/** Largest tolerated difference of medians, in milliseconds. */
const MAX_DIFFERENCE = 5;

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

it(
  'a request for mail and a registration that waits for one take the same time whether or not the address has a user (ENU-03)',
  { timeout: 180_000 },
  async () => {
    const mailbox = await MailboxApp.start({ changes: { registration: 'verified' } });
    const { app } = mailbox;
    await app.query(
      `INSERT INTO users (id, email, email_lower, password_hash, email_verified_at)
       SELECT gen_random_uuid(), 'known' || n || '@example.com', 'known' || n || '@example.com', '*',
              CASE WHEN n % 2 = 0 THEN now() END
       FROM generate_series(1, $1) n`,
      [SAMPLES],
    );
    const requests = {
      'password-reset': (email: string) => ({ email }),
      'email-verification': (email: string) => ({ email }),
      register: (email: string) => ({ email, password: PASSWORD }),
    };
    const kinds = Object.entries(requests).flatMap(([path, json]) =>
      ['known', 'unknown'].map((who) => ({ path, who, json, times: [] as number[] })),
    );
    for (let turn = 1; turn <= SAMPLES; turn++) {
      // Each kind follows each other kind equally often.
      kinds.push(...kinds.splice(0, 1 + (turn % (kinds.length - 1))));
      for (const { path, who, json, times } of kinds) {
        const email = who === 'known' ? `known${turn}@example.com` : `${randomUUID()}@example.com`;
        const startedAt = performance.now();
        const { status } = await app.call('POST', `/v1/auth/${path}`, { json: json(email) });
        times.push(performance.now() - startedAt);
        expect(status).toBe(202);
      }
    }
    for (const path of Object.keys(requests)) {
      const [one, other] = kinds.filter((kind) => kind.path === path).map(({ times }) => median(times));
      expect(Math.abs((one ?? 0) - (other ?? 0))).toBeLessThan(MAX_DIFFERENCE);
    }
  },
);
