import { invalidPostgresUrlReason } from './postgres-url.js';
import { invalidSmtpUrlReason } from './smtp-url.js';
import { origins } from './cors-origins.js';
import { LANGUAGES } from './languages.js';
import {
  emailAddress,
  flag,
  host,
  integer,
  linkUrl,
  notices,
  oneOf,
  path,
  processes,
  schema,
  secret,
  secrets,
  text,
  url,
} from './setting-parsers.js';
import { networks } from './trusted-proxies.js';

/** Longest lifetime of an access token, whatever the settings of the node that issued it. */
export const MAX_ACCESS_TOKEN_TTL_SECONDS = 3600;

/**
 * Every setting, once: its name, kind, bounds, default and meaning. A test holds the table of docs/configuration.md and
 * `.env.example` equal to this object. A setting with neither default nor derived default is optional.
 */
export const settings = {
  HOST: host({ default: '127.0.0.1', about: 'IP address or host name to listen on; `0.0.0.0` for all interfaces.' }),
  PORT: integer({ default: 3000, min: 0, max: 65_535, about: 'TCP port to listen on; `0` takes a free one.' }),
  DATABASE_URL: secret({
    unset: 'embedded PostgreSQL',
    about: 'PostgreSQL 15 or later, as `postgresql://user:password@host:5432/database?schema=public`.',
    allowed: 'PostgreSQL URL',
    check: invalidPostgresUrlReason,
  }),
  DATABASE_DIRECT_URL: secret({
    unset: '`DATABASE_URL`',
    about: 'The same database without a transaction pooler, for migrations and LISTEN.',
    allowed: 'PostgreSQL URL',
    check: invalidPostgresUrlReason,
  }),
  DATABASE_SCHEMA: schema({
    unset: '`schema` of `DATABASE_URL`, or `public`',
    about: 'PostgreSQL schema of the tables; in a project with tables of its own, `gatehouse`.',
  }),
  DATABASE_POOL_SIZE: integer({
    default: 10,
    min: 1,
    max: 1000,
    about:
      'Maximum number of database connections of one process for requests. Two more follow changes, and each purge uses two while it runs.',
  }),
  DATABASE_CONNECTION_TIMEOUT_MS: integer({
    default: 2000,
    min: 100,
    max: 60_000,
    about: 'Longest wait for a connection from the pool.',
  }),
  DATABASE_STARTUP_SECONDS: integer({
    default: 60,
    min: 0,
    max: 3600,
    about: 'Longest wait at the start for a database that does not answer yet, or for a migration that is running.',
  }),
  DATABASE_STATEMENT_TIMEOUT_MS: integer({
    default: 3000,
    min: 100,
    max: 600_000,
    about: 'Longest run of one statement.',
  }),
  DATABASE_LOCK_TIMEOUT_MS: integer({
    default: 2000,
    min: 100,
    max: 600_000,
    about: 'Longest wait of a statement for a lock.',
  }),
  DATABASE_IDLE_TRANSACTION_TIMEOUT_MS: integer({
    default: 5000,
    min: 100,
    max: 600_000,
    about: 'Longest pause inside a transaction before the server ends it.',
  }),
  DATA_DIR: path({ default: '.data', about: 'Folder of the embedded database and its generated secrets.' }),
  MIGRATE_ON_START: flag({
    default: false,
    about: 'Migrate the database of `DATABASE_URL` at the start (the embedded database is always migrated).',
  }),
  MASTER_SECRET: secrets({
    unset: 'generated under `DATA_DIR`',
    about:
      'Encrypts signing keys and authenticates refresh tokens and the links of mail. Required with `DATABASE_URL`. To change it, give two values, comma-separated, new first.',
  }),
  ISSUER: url({
    default: 'http://127.0.0.1:3000',
    about:
      'The `iss` of every token; the public URL of the service. Required with `SMTP_URL`: links in mail begin with it.',
  }),
  AUDIENCE: text({ unset: '`ISSUER`', about: 'The `aud` of every token.' }),
  JWT_SECRET: secrets({
    unset: 'managed keys',
    about:
      'Sign with HS256 and this shared secret instead of managed keys. To change it, give two values, comma-separated, new first.',
  }),
  SIGNING_ALG: oneOf({ values: ['ES256', 'RS256'], default: 'ES256', about: 'Algorithm of new managed keys.' }),
  ACCESS_TOKEN_TTL_SECONDS: integer({
    default: 900,
    min: 1,
    max: MAX_ACCESS_TOKEN_TTL_SECONDS,
    about: 'Lifetime of an access token.',
  }),
  REFRESH_GRACE_SECONDS: integer({
    default: 10,
    min: 0,
    max: 60,
    about: 'How long an exchanged refresh token may be presented again for the same successor; `0` is strict.',
  }),
  SESSION_IDLE_DAYS: integer({
    default: 14,
    min: 1,
    max: 30,
    about: 'A session ends this long after its last refresh.',
  }),
  SESSION_ABSOLUTE_DAYS: integer({
    default: 30,
    min: 1,
    max: 30,
    about: 'A session ends this long after its login, however often it is refreshed.',
  }),
  REVOCATION_STALE_SECONDS: integer({
    default: 5,
    min: 1,
    max: 3600,
    about: 'A node that could not read the revocations for this long is stale, and not ready.',
  }),
  REVOCATION_STALE_POLICY: oneOf({
    values: ['serve', 'refuse'],
    default: 'serve',
    about: 'What a stale node does with guarded requests: `serve` them by what it knows, or `refuse` them with 503.',
  }),
  KEY_PUBLISH_SECONDS: integer({
    default: 900,
    min: 1,
    max: 86_400,
    about: 'How long a managed key is published before it signs. Verifiers may cache the JWKS for 300 s.',
  }),
  KEY_ROTATION_DAYS: integer({ default: 30, min: 1, max: 365, about: 'How long a managed key signs.' }),
  TOKEN_CACHE_BYTES: integer({
    default: 134_217_728,
    min: 0,
    max: 17_179_869_184,
    about: 'Memory for verified tokens, about a kilobyte each; `0` verifies a token each time.',
  }),
  CLOCK_TOLERANCE_SECONDS: integer({
    default: 30,
    min: 0,
    max: 60,
    about: 'Clock difference allowed for `exp`, `nbf` and `iat`.',
  }),
  PASSWORD_MIN_LENGTH: integer({
    default: 15,
    min: 8,
    max: 64,
    about: 'Shortest new password, in Unicode code points.',
  }),
  ARGON2_MEMORY_KIB: integer({
    default: 19_456,
    min: 8,
    max: 4_194_304,
    about:
      "Memory of one argon2id hash, in KiB; at least OWASP's minimum: 47104 for one pass (`ARGON2_PASSES`), 19456 for two, 12288 for more.",
  }),
  ARGON2_PASSES: integer({ default: 2, min: 1, max: 100, about: 'Passes of one argon2id hash.' }),
  ARGON2_LANES: integer({ default: 1, min: 1, max: 16, about: 'Lanes (parallelism) of one argon2id hash.' }),
  HASH_CONCURRENCY: integer({
    unset: 'one per core',
    min: 1,
    max: 1024,
    about:
      'Maximum number of password hashes at once in all processes of the node, each on a thread of its own; at most one per core.',
  }),
  HASH_QUEUE_MILLISECONDS: integer({
    default: 1000,
    min: 0,
    max: 60_000,
    about:
      'Longest wait for a password hash to start, by the hashes of the whole node; a request that would wait longer is answered 503. Bounds the memory used under login overload.',
  }),
  RATE_LIMITS: oneOf({
    values: ['on', 'off', 'dry-run'],
    default: 'on',
    about: 'Limits on guessing: `on`, `off`, or `dry-run`, which counts and logs and refuses nothing.',
  }),
  ADDRESS_REQUESTS_PER_MINUTE: integer({
    default: 0,
    min: 0,
    max: 1_000_000,
    about:
      'Maximum number of requests of any kind from one IP address in a minute, counted by each process for itself; `0` is no limit.',
  }),
  TRUSTED_PROXIES: networks({
    allowed: 'list',
    unset: 'none',
    about:
      'IP addresses or CIDRs, comma-separated, of proxies whose `X-Forwarded-For` is trusted, from right to left; no network wider than /8, in IPv6 /16 (except private ones).',
  }),
  WORKERS: processes({
    default: 1,
    max: 64,
    about:
      'Number of processes that answer requests, or `auto` for one per core; `1` is a single process. Pool, caches and counts per IP address are of each process.',
  }),
  REQUEST_TIMEOUT_SECONDS: integer({
    default: 10,
    min: 1,
    max: 600,
    about: 'Longest time in which a client may send a request with its body; a route for uploads may have longer.',
  }),
  SHUTDOWN_TIMEOUT_SECONDS: integer({
    default: 25,
    min: 4,
    max: 600,
    about: 'Longest time from SIGTERM to the end of the process; a request that is not answered by then is cut off.',
  }),
  CORS_ORIGINS: origins({
    allowed: 'list',
    unset: 'off',
    about:
      'Origins, comma-separated, whose pages may call the service from a browser, each in full, as `https://app.example.com` or `capacitor://localhost`.',
  }),
  SMTP_URL: secret({
    unset: 'files in `DATA_DIR/mail` with the embedded database, or no mail',
    about:
      'Mail server, as `smtp://user:password@mail.example.com:587` or `smtps://…`. TLS is required, unless the server is this machine or the URL ends with `?tls=off`.',
    allowed: 'SMTP URL',
    check: invalidSmtpUrlReason,
  }),
  MAIL_FROM: emailAddress({
    unset: '`gatehouse@localhost`',
    about: 'Address that mail comes from. Required with `SMTP_URL`.',
  }),
  SERVICE_NAME: text({ default: 'Gatehouse', about: 'Name of the service, as mail and its sender say it.' }),
  APP_URL: url({
    unset: 'no link',
    about: "Web page of your application. The service's own pages link back to it.",
  }),
  DEFAULT_LANGUAGE: oneOf({
    values: LANGUAGES,
    default: 'en',
    about: 'Language of mail that no request has asked for.',
  }),
  MAIL_MAX_ATTEMPTS: integer({
    default: 100,
    min: 1,
    max: 1000,
    about: 'How often a mail is handed to the mail server before it is given up; a hundred attempts take about a day.',
  }),
  MAIL_NOTICES: notices({
    default: ['password_changed', 'address_changed', 'account_deleted', 'refresh_token_reused'],
    about:
      'What users are told by mail, comma-separated, or `none`. `unknown_device` is a login from a device and a network that are new.',
  }),
  REGISTRATION: oneOf({
    values: ['open', 'verified', 'closed'],
    default: 'open',
    about:
      'Who may register: anyone (`open`), anyone who opens the link of a mail and knows the password (`verified`), or nobody but whom an operator invites (`closed`).',
  }),
  EMAIL_UNDO_DAYS: integer({
    default: 7,
    min: 0,
    max: 30,
    about: 'How long the owner of the old address can undo a change of address; `0` is never.',
  }),
  EMAIL_VERIFICATION_URL: linkUrl({
    unset: 'own page',
    about:
      'Page of yours to which mail leads to verify an address, such as `"https://app.example.com/verify#{token}"`.',
  }),
  PASSWORD_RESET_URL: linkUrl({
    unset: 'own page',
    about:
      'Page of yours to which mail leads to set a new password, such as `"https://app.example.com/reset#{token}"`.',
  }),
  EMAIL_CHANGE_URL: linkUrl({
    unset: 'own page',
    about:
      'Page of yours to which mail leads to confirm a new address, such as `"https://app.example.com/change#{token}"`.',
  }),
  INVITATION_URL: linkUrl({
    unset: 'own page',
    about:
      'Page of yours to which mail leads to accept an invitation, such as `"https://app.example.com/invitation#{token}"`.',
  }),
  AUDIT_RETENTION_DAYS: integer({
    default: 90,
    min: 1,
    max: 3650,
    about: 'How long the audit trail is kept.',
  }),
  LOG_LEVEL: oneOf({
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    about: 'Lowest severity of the log lines that are written; the line per request is `info`.',
  }),
  METRICS_PORT: integer({
    unset: 'off',
    min: 0,
    max: 65_535,
    about: 'Serve Prometheus metrics of the node on this port of `HOST`.',
  }),
  DOCS: flag({
    unset: 'on with the embedded database, if `HOST` is this machine alone',
    about: 'Serve `/docs` and `/openapi.json`: `on` or `off`.',
  }),
} as const;
