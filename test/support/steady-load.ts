import { setTimeout as pause } from 'node:timers/promises';
import { Account, randomNumbers, type Call } from './account-history.js';
import { Client, type Answer } from './client.js';

/** A response through the proxy; the status is 0 if there was none. */
export interface Response {
  /** Milliseconds since the start of the load. */
  readonly from: number;
  readonly to: number;
  readonly request: string;
  readonly status: number;
}

/** An acknowledged logout, and how long its token was still accepted anywhere. */
export interface Logout {
  readonly at: number;
  readonly milliseconds: number;
}

/** A client of a proxy that keeps every status. A 502 is an error of the connection: the outcome is unknown. */
class RecordingClient extends Client {
  constructor(
    url: string,
    private readonly now: () => number,
    private readonly record: (response: Response) => void,
  ) {
    super(url);
  }

  override async call(...[method, path, options]: Parameters<Client['call']>): Promise<Answer> {
    const begun = { request: `${method} ${path}`, from: this.now() };
    const answer = await super.call(method, path, options).catch((error: unknown) => {
      this.record({ ...begun, to: this.now(), status: 0 });
      throw error;
    });
    this.record({ ...begun, to: this.now(), status: answer.status });
    if (answer.status === 502) throw new Error('502');
    return answer;
  }
}

const ACCOUNTS = 10;
const STEP_PAUSE_MS = 100;
const NEWCOMER_PAUSE_MS = 300;
/** Calls of an account that is registered during the load. */
const NEWCOMER_STEPS = 4;
const GUARDED_TOKENS = 5;
const GUARDED_PAUSE_MS = 20;
/** So many users log in and out again and again. */
const LOGOUTS = 3;
const LOGOUT_PAUSE_MS = 300;
const PROBE_PAUSE_MS = 20;
/** A logout whose token is accepted for longer has failed. */
const PROBE_MS = 20_000;

/**
 * Steady requests of many clients through a proxy: accounts with random calls, new accounts, guarded requests with tokens
 * that are known, and logouts whose effect is looked for on every node.
 */
export class SteadyLoad {
  readonly calls: Call[] = [];
  readonly responses: Response[] = [];
  readonly guarded: Response[] = [];
  readonly logouts: Logout[] = [];
  readonly #accounts: Account[] = [];
  readonly #client: Client;
  readonly #guardedClient: Client;
  readonly #over = new AbortController();
  readonly #startedAt = performance.now();
  #working: Promise<unknown> = Promise.resolve();

  /** @param nodes clients of the nodes that run now, without the proxy */
  constructor(
    proxyUrl: string,
    private readonly nodes: () => readonly Client[],
    private readonly seed: number,
  ) {
    this.#client = new RecordingClient(proxyUrl, this.now, (response) => void this.responses.push(response));
    this.#guardedClient = new RecordingClient(proxyUrl, this.now, (response) => void this.guarded.push(response));
  }

  readonly now = (): number => performance.now() - this.#startedAt;

  get violations(): string[] {
    return this.#accounts.flatMap(({ violations }) => violations);
  }

  async start(): Promise<void> {
    const tokens = await Promise.all(Array.from({ length: GUARDED_TOKENS }, () => this.#client.signIn()));
    this.#working = Promise.all([
      ...tokens.map(({ token }) => this.#repeat(GUARDED_PAUSE_MS, () => this.#guardedClient.me(token))),
      ...Array.from({ length: ACCOUNTS }, () => this.#useAccount(this.#newAccount(), Number.POSITIVE_INFINITY)),
      this.#repeat(NEWCOMER_PAUSE_MS, async () => void this.#useAccount(this.#newAccount(), NEWCOMER_STEPS)),
      ...Array.from({ length: LOGOUTS }, () => this.#repeat(LOGOUT_PAUSE_MS, () => this.#logOut())),
    ]);
  }

  async stop(): Promise<void> {
    this.#over.abort();
    await this.#working;
  }

  /** Every account has what was acknowledged, and no ended session is accepted anywhere. */
  async checkFinalState(): Promise<void> {
    const left = this.#accounts.values();
    const check = async (): Promise<void> => {
      for (const account of left) await account.checkFinalState(this.nodes());
    };
    await Promise.all([check(), check(), check(), check()]);
  }

  #newAccount(): Account {
    const number = this.#accounts.length;
    const account = new Account(
      `account-${number}@example.com`,
      [this.#client],
      randomNumbers(this.seed + number),
      (call) => void this.calls.push(call),
      this.now,
    );
    this.#accounts.push(account);
    return account;
  }

  async #useAccount(account: Account, steps: number): Promise<void> {
    for (let step = 0; step < steps && !this.#over.signal.aborted; step++) {
      await account.step();
      await pause(STEP_PAUSE_MS);
    }
  }

  async #repeat(pauseMs: number, work: () => Promise<unknown>): Promise<void> {
    while (!this.#over.signal.aborted) {
      await work().catch(() => undefined);
      await pause(pauseMs);
    }
  }

  /** Logs in and out; the token is known to every node before. */
  async #logOut(): Promise<void> {
    const { token } = await this.#client.signIn();
    await Promise.all(this.nodes().map((node) => node.me(token)));
    if ((await this.#client.logout(token)).status !== 204) return;
    const at = this.now();
    await Promise.all(this.nodes().map((node) => this.#untilRefused(node, token, at)));
    this.logouts.push({ at, milliseconds: this.now() - at });
  }

  async #untilRefused(node: Client, token: string, since: number): Promise<void> {
    while (this.now() - since < PROBE_MS) {
      const { status } = await node.me(token).catch(() => ({ status: 0 }));
      // A node that was killed meanwhile accepts nothing.
      if (status === 401 || status === 0) return;
      await pause(PROBE_PAUSE_MS);
    }
  }
}
