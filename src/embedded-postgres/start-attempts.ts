import { clearLockFile, clusterLock, socketLock } from './lock-files.js';
import type { ServerAccess } from './server-url.js';
import { startServer, type StartSignals } from './start-server.js';
import { openSocketFolder, socketIn } from './unix-socket.js';

/** Pause after an attempt to restart a server that crashed has failed. */
export const RESTART_PAUSE_MS = 1000;
/** Pause between two starts of a server that gave way to another start; doubled after each. */
const FIRST_PAUSE_MS = 50;
const MAX_PAUSE_MS = 1000;

/** Starts the server, with growing pauses between the attempts. */
export class StartAttempts {
  count = 0;
  #pauseMs = FIRST_PAUSE_MS;
  #notBefore = 0;
  readonly #access: ServerAccess;
  readonly #signals: StartSignals;

  constructor(access: ServerAccess, signals: StartSignals) {
    this.#access = access;
    this.#signals = signals;
  }

  /** Starts the server unless the pause is not over yet. @returns the obstacle to a start, if there is one. */
  async startNext(): Promise<string | undefined> {
    if (performance.now() < this.#notBefore) return undefined;
    const { installation, socketFolder } = this.#access;
    const { cluster } = installation.directory;
    for (const file of [clusterLock(cluster), socketLock(socketIn(socketFolder))]) {
      const obstacle = await clearLockFile(file, cluster);
      if (obstacle !== undefined) return obstacle;
    }
    if ((await openSocketFolder(installation)) !== socketFolder) {
      throw new Error(`The folder ${socketFolder} of PostgreSQL's socket is gone and cannot be recreated: start again`);
    }
    this.count++;
    await startServer(installation, socketFolder, this.#signals);
    this.#notBefore = performance.now() + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    return undefined;
  }
}
