import { readFileSync } from 'node:fs';
import { maxHeaderSize } from 'node:http';
import { describe, expect, it } from 'vitest';
import { MOST_ADDRESSES } from './access/address-limit.js';
import { MOST_CACHED_SECONDS } from './auth/jwks.controller.js';
import type { Setting } from './config/setting-parsers.js';
import { MOST_ACCESS_TOKEN_SECONDS, settings } from './config/settings.js';
import { TIMEOUT_MS } from './database/dedicated-connection.js';
import { POLL_MS } from './database/change-feed.js';
import { QUIET_MS } from './health/graceful-shutdown.js';
import { ACCOUNT_GUARD, MOST_DEVICE_FAILURES, MOST_DEVICES, REQUEST_ADDRESS } from './rate-limits/limit-policies.js';
import { MAX_CODE_POINTS } from './passwords/normalized-password.js';
import { MOST_LIVE_SESSIONS } from './sessions/sessions.service.js';
import { EmailAddress } from './users/user-view.js';
import { MAX_TOKEN_LENGTH } from './verifier/compact-jws.js';
import { BODY_LIMIT_BYTES } from './http/body-limit.js';
import { MAX_JSON_DEPTH } from './verifier/strict-json-scan.js';
import { MAX_TARGET_LENGTH } from './http/query-string.js';
import { MAX_HEADER_FIELDS } from './http/request-checks.js';
import { LONGEST_USER_AGENT } from './http/client-info.js';
import { CLIENT_TIMEOUTS } from './http/http-server.js';

/** Without its line breaks. */
const readme = readFileSync('README.md', 'utf8')
  .replaceAll(/\n +/g, ' ')
  .replaceAll(/([^\n|])\n(?=[^\n|*#`])/g, '$1 ');
const [, limits = ''] = /## Limits and what is not defended\n([^]*)$/.exec(readme) ?? [];
const { maxLength: longestEmail } = EmailAddress as { maxLength?: number };
const { ACCESS_TOKEN_TTL_SECONDS, SESSION_ABSOLUTE_DAYS, SESSION_IDLE_DAYS } = settings;

describe('the README (CFG-04)', () => {
  it.each([
    `Bodies over ${BODY_LIMIT_BYTES / 1024} KiB`,
    `JSON nested deeper than ${MAX_JSON_DEPTH}`,
    `header sections over ${maxHeaderSize / 1024} KiB or of more than ${MAX_HEADER_FIELDS} fields`,
    `email addresses over ${longestEmail} and passwords over ${MAX_CODE_POINTS} characters`,
    `its header section within ${CLIENT_TIMEOUTS.headersMs / 1000} s and the request with its body within ${CLIENT_TIMEOUTS.requestMs / 1000} s`,
    `At most ${MOST_LIVE_SESSIONS} live sessions per user; one more ends the oldest`,
    `An access token lives ${MOST_ACCESS_TOKEN_SECONDS} s at most`,
    `Of the \`User-Agent\` of a login ${LONGEST_USER_AGENT} characters are kept`,
    `A count that nobody adds to for ${ACCOUNT_GUARD.forgottenDays} days is forgotten`,
    `Keep \`KEY_PUBLISH_SECONDS\` at ${MOST_CACHED_SECONDS} or more`,
  ])('says among its limits: %s', (sentence) => {
    expect(limits).toContain(sentence);
  });

  it('says one length of targets and access tokens, which is that of both', () => {
    expect(MAX_TOKEN_LENGTH).toBe(MAX_TARGET_LENGTH);
    expect(limits).toContain(`targets and access tokens over ${MAX_TARGET_LENGTH} characters`);
  });

  it.each([
    `reads the table each ${POLL_MS} ms`,
    `its ${MOST_DEVICES} latest devices`,
    `${MOST_DEVICE_FAILURES} wrong passwords in a row from that device`,
    `for the ${MOST_ADDRESSES.toLocaleString('en')} addresses that asked last`,
    `(\`${REQUEST_ADDRESS.name}\`, 429 alike)`,
    `Its access token lives ${ACCESS_TOKEN_TTL_SECONDS.fallback / 60} minutes`,
    `A session ends ${SESSION_IDLE_DAYS.fallback} days after its last refresh and ${SESSION_ABSOLUTE_DAYS.fallback} days after its login`,
  ])('says elsewhere: %s', (sentence) => {
    expect(readme).toContain(sentence);
  });

  it('says in words what a second and two are', () => {
    expect([QUIET_MS, TIMEOUT_MS, REQUEST_ADDRESS.seconds]).toEqual([1000, 2000, 60]);
    expect(readme).toContain('goes on serving until nobody has asked for a second');
    expect(limits).toContain('dies in silence is noticed after two seconds');
    expect(settings.ADDRESS_REQUESTS_PER_MINUTE.about).toContain('in a minute');
  });

  it('says the default of a setting wherever it says one', () => {
    const said = [...readme.matchAll(/`([A-Z_\d]{6,})` \((\d+)\)/g)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]);
    expect(said.length).toBeGreaterThan(1);
    const table: Readonly<Record<string, Setting<unknown>>> = settings;
    expect(said).toEqual(said.map(([name]) => [name, table[String(name)]?.fallback]));
  });
});
