import { defineConfig } from 'vitest/config';

/** Run by `npm run test:faults` alone. */
const FAULTS_ONLY = ['test/haproxy.test.ts'];

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      {
        test: {
          name: 'http',
          include: ['test/**/*.test.ts'],
          exclude: process.env['FAULT_SECONDS'] === undefined ? FAULTS_ONLY : [],
          globalSetup: ['test/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
