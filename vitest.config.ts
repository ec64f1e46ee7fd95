import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Run only by `npm run test:faults`. */
const FAULTS_ONLY = [
  'test/project/bench-scenarios.test.ts',
  'test/operations/concurrent-first-starts.test.ts',
  'test/operations/haproxy.test.ts',
  'test/operations/high-availability.test.ts',
  'test/operations/install.test.ts',
  'test/operations/package.test.ts',
  'test/operations/workers-metrics.test.ts',
  'test/operations/workers-start.test.ts',
  'test/project/features.test.ts',
  'test/database/large-purges.test.ts',
  'test/database/postgres-schemas.test.ts',
  'test/database/prisma-scripts.test.ts',
  'test/database/project-migrations.test.ts',
  'test/database/rolling-upgrade.test.ts',
];

/** Files that measure time or memory: run one at a time, after all others. */
const MEASURING = [
  'aborted-requests',
  'authentication',
  'bench-scenarios',
  'clock-skew',
  'concurrent-first-starts',
  'connection-faults',
  'crash-consistency',
  'event-loop-stalls',
  'features',
  'haproxy',
  'high-availability',
  'input-cpu-cost',
  'install',
  'invalid-token-flood',
  'large-purges',
  'log-outputs',
  'log-sink',
  'login-overload',
  'login-timing',
  'metrics',
  'package',
  'postgres-schemas',
  'prisma-scripts',
  'project-migrations',
  'rate-limits',
  'restores',
  'revocation',
  'rolling-restarts',
  'rolling-upgrade',
  'server-failures',
  'signals',
  'signing-keys',
  'slow-clients',
  'workers-metrics',
  'workers-shutdown',
  'workers-start',
].map((name) => `test/*/${name}.test.ts`);

/** Modules of a fork import Gatehouse by the name of its package; here that is the source, and elsewhere what is built from it. */
const RESOLVE = {
  alias: [{ find: /^gatehouse-auth$/, replacement: fileURLToPath(new URL('src/index.ts', import.meta.url)) }],
};

/** The same of unit tests. */
const MEASURING_UNITS = [
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
          exclude: MEASURING,
          // Tests spend much of their time waiting for processes to start.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...HTTP,
          name: 'http-measuring',
          include: MEASURING,
          exclude: process.env['FAULT_SECONDS'] === undefined ? FAULTS_ONLY : [],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      {
        resolve: RESOLVE,
        test: {
          ...PATIENT,
          name: 'unit',
          include: ['src/**/*.test.ts'],
          exclude: MEASURING_UNITS,
          maxWorkers: 2,
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
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
