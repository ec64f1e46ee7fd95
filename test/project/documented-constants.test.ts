import { readFileSync } from 'node:fs';
import { maxHeaderSize } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MAX_ADDRESSES } from '../../src/access/address-limit.js';
import { AUDIT_EVENTS } from '../../src/audit/audit-events.js';
import { MAX_CACHED_SECONDS } from '../../src/auth/jwks.controller.js';
import type { Setting } from '../../src/config/setting-parsers.js';
import { MAX_ACCESS_TOKEN_TTL_SECONDS, settings } from '../../src/config/settings.js';
import { DEDICATED_CONNECTION_TIMEOUT_MS } from '../../src/database/dedicated-connection.js';
import { POLL_INTERVAL_MS } from '../../src/database/change-feed.js';
import { ATOMIC_BYTES, BATCH_MS } from '../../src/logging/buffered-log-output.js';
import { QUIET_PERIOD_MS } from '../../src/health/graceful-shutdown.js';
import { ACCOUNT_GUARD, REQUEST_ADDRESS } from '../../src/rate-limits/limit-policies.js';
import { MAX_PASSWORD_CODE_POINTS } from '../../src/passwords/password-policy.js';
import { MAX_SESSIONS_PER_USER } from '../../src/sessions/session-limits.js';
import { EXPORT_MAX_LOGIN_AGE_SECONDS } from '../../src/users/account-export.service.js';
import { EmailAddress } from '../../src/users/email-address.schema.js';
import { MAX_TOKEN_JSON_DEPTH, MAX_TOKEN_LENGTH } from '../../src/verifier/compact-jws.js';
import { BODY_LIMIT_BYTES } from '../../src/http/body-limit.js';
import { MAX_DEVICE_FAILURES, MAX_DEVICES } from '../../src/rate-limits/known-devices.js';
import { MAX_BODY_JSON_DEPTH } from '../../src/http/json-body.js';
import { MAX_TARGET_LENGTH, MAX_HEADER_FIELDS } from '../../src/http/uri-and-header-limits.js';
import { MAX_USER_AGENT_LENGTH } from '../../src/http/client-info.js';
import { CLIENT_TIMEOUTS } from '../../src/http/client-timeouts.js';
import { MAX_FOUND_ERRORS } from '../../src/http/error-collector.js';
import { MAX_FIELD_ERRORS } from '../../src/http/validation-errors.js';
import { CHECK_INTERVAL_MS, MAX_UNANSWERED_CHECKS } from '../../src/workers/worker-pool.js';
import { SETTLED_MS } from '../../src/workers/worker-restarts.js';
import { DEFAULT_SESSION_PAGE_SIZE } from '../../src/auth/auth.schemas.js';
import { ourSources } from './layers.js';

const documents = ['README', 'docs/api', 'docs/configuration', 'docs/operations', 'docs/security']
  .map(textOf)
  .join('\n');
const limits = sectionOf('docs/security', 'Limits and what is not defended');
const { maxLength: longestEmail } = EmailAddress as { maxLength?: number };
const { ACCESS_TOKEN_TTL_SECONDS, SESSION_ABSOLUTE_DAYS, SESSION_IDLE_DAYS } = settings;

describe('the documents (CFG-04)', () => {
  it.each([
    `Bodies over ${BODY_LIMIT_BYTES / 1024} KiB`,
    `JSON nested deeper than ${MAX_BODY_JSON_DEPTH} in a body, or than ${MAX_TOKEN_JSON_DEPTH} in an access token`,
    `header sections over ${maxHeaderSize / 1024} KiB or of more than ${MAX_HEADER_FIELDS} fields`,
    `email addresses over ${longestEmail} and passwords over ${MAX_PASSWORD_CODE_POINTS} characters`,
    `its header section within ${CLIENT_TIMEOUTS.headersMs / 1000} s and the request with its body within ${CLIENT_TIMEOUTS.requestMs / 1000} s`,
    `At most ${MAX_SESSIONS_PER_USER} live sessions per user; one more ends the oldest`,
    `An access token lives ${MAX_ACCESS_TOKEN_TTL_SECONDS} s at most`,
    `Of the \`User-Agent\` of a login ${MAX_USER_AGENT_LENGTH} characters are kept`,
    `A count that nobody adds to for ${ACCOUNT_GUARD.forgottenDays} days is forgotten`,
    `Keep \`KEY_PUBLISH_SECONDS\` at ${MAX_CACHED_SECONDS} or more`,
  ])('say among the limits of docs/security.md: %s', (sentence) => {
    expect(limits).toContain(sentence);
  });

  it('say one length of targets and access tokens, which is that of both', () => {
    expect(MAX_TOKEN_LENGTH).toBe(MAX_TARGET_LENGTH);
    expect(limits).toContain(`targets and access tokens over ${MAX_TARGET_LENGTH} characters`);
  });

  it.each([
    ['docs/security', 'Revocation', `reads the table each ${POLL_INTERVAL_MS} ms`],
    ['docs/security', 'Guessing', `its ${MAX_DEVICES} latest devices`],
    ['docs/security', 'Guessing', `${MAX_DEVICE_FAILURES} wrong passwords in a row from that device`],
    ['docs/security', 'Guessing', `for the ${MAX_ADDRESSES.toLocaleString('en')} IP addresses that asked last`],
    ['docs/security', 'Guessing', `(\`${REQUEST_ADDRESS.name}\`, 429 alike)`],
    ['docs/api', 'Pages', `\`limit\` is 1 to 100, and ${DEFAULT_SESSION_PAGE_SIZE} if it is not given`],
    [
      'docs/operations',
      'All cores',
      `does not answer the primary for ${(CHECK_INTERVAL_MS * MAX_UNANSWERED_CHECKS) / 1000} s is killed`,
    ],
    ['docs/operations', 'All cores', `within ${SETTLED_MS / 1000} s of that`],
    ['docs/operations', 'The log', `are written together, within ${BATCH_MS} ms`],
    ['docs/operations', 'The log', `lines up to ${ATOMIC_BYTES} bytes stay whole`],
    ['docs/api', 'Problems', `at most ${MAX_FIELD_ERRORS}; of a request with more than ${MAX_FOUND_ERRORS} flaws`],
    ['docs/api', 'The access token', `(${MAX_CACHED_SECONDS} s, or \`KEY_PUBLISH_SECONDS\` if that is less)`],
    ['docs/api', 'Endpoints', `of a login in the last ${EXPORT_MAX_LOGIN_AGE_SECONDS / 60} minutes`],
    ['docs/api', 'The export', `may be at most ${EXPORT_MAX_LOGIN_AGE_SECONDS / 60} minutes ago`],
    ['docs/api', 'The export', `max_age=${EXPORT_MAX_LOGIN_AGE_SECONDS}`],
    ['docs/security', 'What is defended', `a login of the last ${EXPORT_MAX_LOGIN_AGE_SECONDS / 60} minutes`],
    ['docs/api', 'Refresh', `Its access token lives ${ACCESS_TOKEN_TTL_SECONDS.fallback / 60} minutes`],
    [
      'docs/api',
      'Refresh',
      `A session ends ${SESSION_IDLE_DAYS.fallback} days after its last refresh and ${SESSION_ABSOLUTE_DAYS.fallback} days after its login`,
    ],
  ])('say in %s.md under "%s": %s', (page, heading, sentence) => {
    expect(sectionOf(page, heading)).toContain(sentence);
  });

  it('say in words what a second and two are', () => {
    expect([QUIET_PERIOD_MS, DEDICATED_CONNECTION_TIMEOUT_MS, REQUEST_ADDRESS.seconds]).toEqual([1000, 2000, 60]);
    expect(sectionOf('docs/operations', 'Stopping a node')).toContain(
      'goes on serving until no request has arrived for a second',
    );
    expect(sectionOf('docs/security', 'Revocation')).toContain('dies silently is noticed after two seconds');
    expect(settings.ADDRESS_REQUESTS_PER_MINUTE.about).toContain('in a minute');
  });

  it('say the default of a setting wherever they say one', () => {
    const said = [...documents.matchAll(/`([A-Z_\d]{6,})` \((\d+)\)/g)].map(([, name = '', value]) => [
      name,
      Number(value),
    ]);
    expect(said.length).toBeGreaterThan(1);
    const table: Readonly<Record<string, Setting<unknown>>> = settings;
    expect(said).toEqual(said.map(([name]) => [name, table[String(name)]?.fallback]));
  });
});

const LEVELS: Readonly<Record<string, string>> = { info: '30', log: '30', warn: '40', error: '50' };

const sources = ourSources().map((file) => readFileSync(join('src', file), 'utf8'));

/** The events that the code names. */
const events = new Set([
  ...Object.keys(AUDIT_EVENTS),
  ...sources.flatMap((text) =>
    [...text.matchAll(/\bevent(?:: | = )('[a-z_]+'(?: \| '[a-z_]+')*)/g)].flatMap(([, names = '']) =>
      names.split(' | ').map((name) => name.slice(1, -1)),
    ),
  ),
]);

/** The level of each event whose name stands in the call that logs it. */
const levels = new Map<string, string>([
  ...Object.entries(AUDIT_EVENTS),
  ...sources.flatMap((text) =>
    [...text.matchAll(/\.(info|log|warn|error)\(\s*\{[^}]*?event: '([a-z_]+)'/g)]
      // `options.log` of the workers is the log of the start, which writes warnings.
      .filter(([call]) => !call.startsWith('.log') || !text.includes(`options${call}`))
      .map(([, method = '', name = '']): [string, string] => [name, method]),
  ),
]);

/** Event and level of each row of the table; a row may have several of each. */
const rows = [
  ...((readFileSync('docs/operations.md', 'utf8').split('\n### The events\n')[1] ?? '')
    .split('\n## ')[0]
    ?.matchAll(/^\| (`[^|]+`) \| ([\d ·]+) \|/gm) ?? []),
].flatMap(([, names = '', documented = '']) => {
  const ofRow = documented.split(' · ');
  return names.split(' · ').map((name, place) => [name.slice(1, -1), ofRow[place] ?? ofRow[0]] as const);
});

describe('the table of events in docs/operations.md', () => {
  it('has each event of the code once, and no other', () => {
    expect(events.size).toBeGreaterThan(30);
    expect(rows.map(([name]) => name).toSorted()).toEqual([...events].toSorted());
  });

  it('has their levels', () => {
    const known = rows.filter(([name]) => levels.has(name));
    expect(known.length).toBeGreaterThan(25);
    expect(known).toEqual(known.map(([name]) => [name, LEVELS[levels.get(name) ?? '']]));
  });
});

/** A page with each paragraph and list item on one line. */
function textOf(page: string): string {
  return readFileSync(`${page}.md`, 'utf8')
    .replaceAll(/\n +/g, ' ')
    .replaceAll(/([^\n|])\n(?=[^\n|*#`])/g, '$1 ');
}

/** @throws {Error} when the page has no section of this heading, or nothing in it */
function sectionOf(page: string, heading: string): string {
  const text = textOf(page)
    .split(/^## /m)
    .find((part) => part.startsWith(`${heading}\n`))
    ?.slice(heading.length)
    .trim();
  if (text === undefined || text === '') throw new Error(`${page}.md says nothing under "${heading}"`);
  return text;
}
