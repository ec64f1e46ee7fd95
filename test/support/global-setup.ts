import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import type { TestServer } from './database-server.process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** A server on which databases may be created. */
    databaseServerUrl: string;
    /** The same server, as a role that may create roles. */
    administratorUrl: string;
    /** A migrated database without rows, to be copied. */
    templateDatabase: string;
  }
}

const PROGRAM = fileURLToPath(new URL('database-server.process.ts', import.meta.url));

/** The server of the run, which the projects of `vitest.config.ts` share. */
interface SharedServer {
  readonly started: Promise<TestServer>;
  readonly stop: () => Promise<unknown>;
  projects: number;
}

/** Each project loads this file anew. */
const SHARED = Symbol.for('the database server of the tests');
const global = globalThis as { [SHARED]?: SharedServer };

/**
 * One server and one migrated template database for the whole run. They belong to a child process, which removes them
 * when this process ends, also by a signal: Vitest runs no teardown then. The signals of a terminal or of `timeout` go
 * to the process group, so the child has its own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const shared = (global[SHARED] ??= startServer());
  shared.projects++;
  const server = await shared.started;
  project.provide('databaseServerUrl', server.databaseUrl);
  project.provide('administratorUrl', server.administratorUrl);
  project.provide('templateDatabase', server.templateDatabase);
  return async () => {
    if (--shared.projects > 0) return;
    delete global[SHARED];
    await shared.stop();
  };
}

function startServer(): SharedServer {
  const child = fork(PROGRAM, { detached: true, execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  const failed = exited.then(() => {
    throw new Error('The database server of the tests did not start: its output above says why.');
  });
  failed.catch(() => undefined);
  const message = once(child, 'message') as Promise<[TestServer]>;
  const started = Promise.race([message, failed]).then(([server]) => server);
  const stop = (): Promise<unknown> => {
    child.disconnect();
    return exited;
  };
  return { started, stop, projects: 0 };
}
