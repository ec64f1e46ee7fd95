import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

// Tests start hundreds of processes, which spend most of their CPU time on loading the same modules.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('node_modules/.cache/compiled', import.meta.url));

/** Run only by `npm run test:faults`, one at a time. */
const FAULTS_ONLY = [
  'test/project/bench-scenarios.test.ts',
  'test/project/example.test.ts',
  'test/operations/built-commands.test.ts',
  'test/operations/concurrent-first-starts.test.ts',
  'test/operations/haproxy.test.ts',
  'test/operations/high-availability.test.ts',
  'test/operations/install.test.ts',
  'test/operations/mail-nodes.test.ts',
  'test/operations/package.test.ts',
  'test/http/many-streams.test.ts',
  'test/operations/workers-metrics.test.ts',
  'test/operations/workers-start.test.ts',
  'test/operations/workers-streams.test.ts',
  'test/project/features.test.ts',
  'test/project/soak-verdict.test.ts',
  'test/database/large-purges.test.ts',
  'test/database/pgbouncer.test.ts',
  'test/database/postgres-schemas.test.ts',
  'test/database/prisma-scripts.test.ts',
  'test/database/project-migrations.test.ts',
  'test/database/project-resets.test.ts',
  'test/database/project-tables.test.ts',
  'test/database/rolling-upgrade.test.ts',
  'test/database/statement-plans.test.ts',
];

/** Files that change nothing of their process: they share processes, in which the modules are loaded once. */
const SHARING = [
  'accounts/application-writes',
  'accounts/audit',
  'accounts/claims',
  'accounts/email-change',
  'accounts/email-verification',
  'accounts/invitations',
  'accounts/login-races',
  'accounts/notices',
  'accounts/password-reset',
  'accounts/profile',
  'accounts/refresh',
  'accounts/registration-and-login',
  'accounts/retried-writes',
  'accounts/roles',
  'accounts/sessions',
  'accounts/text-round-trip',
  'http/client-address',
  'http/closing-clients',
  'http/cors',
  'http/custom-modules',
  'http/email-verified-rules',
  'http/event-streams',
  'http/failed-responses',
  'http/guards-and-filters',
  'http/http-semantics',
  'http/lost-role-rules',
  'http/openapi-fuzzing',
  'http/role-rules',
  'http/strategies',
  'http/strategy-outcomes',
  'http/kept-principals',
].map((name) => `test/${name}.test.ts`);

/** Files that expect something within a time, and mostly wait for it: run two at a time, after all others. */
const TIMED = [
  'clock-skew',
  'connection-faults',
  'crash-consistency',
  'log-outputs',
  'log-sink',
  'rate-limits',
  'restores',
  'revocation',
  'rolling-restarts',
  'server-failures',
  'signals',
  'signing-keys',
  'slow-clients',
  'workers-shutdown',
].map((name) => `test/*/${name}.test.ts`);

/** Files that measure time or memory: run one at a time, last. */
const MEASURING = [
  'aborted-requests',
  'authentication',
  'event-loop-stalls',
  'input-cpu-cost',
  'invalid-token-flood',
  'login-overload',
  'login-timing',
  'mail-asking-timing',
  'metrics',
].map((name) => `test/*/${name}.test.ts`);

/** Modules of a fork import Gatehouse by the name of its package; here that is the source, and elsewhere what is built from it. */
const RESOLVE = {
  alias: [{ find: /^gatehouse-auth$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }],
};

/** The same of unit tests. */
const MEASURING_UNITS = [
  'access/principal',
  'http/json-body',
  'http/schema-compiler',
  'http/slow-clients',
  'http/uploads',
  'jobs/background-jobs',
  'logging/buffered-log-output',
  'passwords/granted-hash-permits',
  'passwords/password-policy',
  'passwords/passwords.service',
  'verifier/forged-tokens',
  'workers/worker-pool',
].map((name) => `src/${name}.test.ts`);

/** Files at a time, of those that are patient: they wait for processes and the database, so that two would leave cores idle. */
const FIRST_WORKERS = 3;

/** Upper bounds for waiting; a test that needs a shorter time asserts it itself. */
const PATIENT = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 10_000 } } };

const HTTP = { ...PATIENT, globalSetup: ['test/support/global-setup.ts'] };

export default defineConfig({
  test: {
    projects: [
      {
        resolve: RESOLVE,
        test: {
          ...HTTP,
          name: 'http',
          include: ['test/**/*.test.ts'],
          exclude: [...SHARING, ...TIMED, ...MEASURING, ...FAULTS_ONLY],
          maxWorkers: FIRST_WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...HTTP,
          name: 'http-sharing',
          include: SHARING,
          setupFiles: ['test/support/forget-secrets.ts'],
          isolate: false,
          maxWorkers: FIRST_WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...HTTP,
          name: 'http-timed',
          include: TIMED,
          maxWorkers: 2,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...HTTP,
          name: 'http-measuring',
          include: process.env['FAULT_SECONDS'] === undefined ? MEASURING : [...MEASURING, ...FAULTS_ONLY],
          maxWorkers: 1,
          sequence: { groupOrder: 3 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...PATIENT,
          name: 'unit',
          include: ['src/**/*.test.ts'],
          exclude: MEASURING_UNITS,
          isolate: false,
          maxWorkers: FIRST_WORKERS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...PATIENT,
          name: 'unit-measuring',
          include: MEASURING_UNITS,
          maxWorkers: 1,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
