import { setTimeout as pause } from 'node:timers/promises';
import { Client, PASSWORD, tokensOf, type Answer } from './client.js';

/** The outcome of a call. `unknown`: no response, or 503; the call may or may not have taken effect. */
export type Outcome = 'done' | 'refused' | 'unknown';

export interface Call {
  readonly account: string;
  readonly operation: string;
  /** Milliseconds since the start of the history. */
  readonly from: number;
  readonly to: number;
  readonly outcome: Outcome;
  readonly answer: string;
}

/** The mulberry32 generator by Tommy Ettinger: numbers from 0 to 1, reproducible by seed. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** If a refresh gets no response, presenting its token again later than this may end the session (docs/security.md). */
const GRACE_MS = 10_000;

/**
 * One account that one client uses sequentially, with the state that must hold. Every unexpected response is recorded
 * as a violation at once. A state that a call leaves uncertain stays uncertain until a later response resolves it.
 */
export class Account {
  readonly violations: string[] = [];
  /** Access tokens of sessions whose end was acknowledged. */
  readonly ended: string[] = [];
  #isRegistered: boolean | undefined = false;
  /** Passwords of which exactly one is the current one. */
  #passwords = new Set([PASSWORD]);
  #changes = 0;
  #session: { token: string; refreshToken: string } | undefined;
  /** When the refresh token was first presented without a response. */
  #unansweredSince: number | undefined;

  constructor(
    readonly email: string,
    private readonly nodes: readonly Client[],
    private readonly random: () => number,
    private readonly record: (call: Call) => void,
    private readonly now: () => number,
  ) {}

  /** Makes one random call that fits the state. */
  async step(): Promise<void> {
    if (this.#isRegistered !== true) return this.#register();
    if (this.#session === undefined) return this.#logIn();
    const choice = this.random();
    if (choice < 0.4) return this.#refresh();
    if (choice < 0.6) return this.#askUser();
    if (choice < 0.7) return this.#changePassword();
    if (choice < 0.8) return this.#guess();
    if (choice < 0.9) return this.#logOut();
    return this.#logIn();
  }

  /**
   * After recovery: exactly one possible password works, the live session continues, and ended sessions are ended on
   * every node.
   */
  async checkFinalState(nodes = this.nodes): Promise<void> {
    if (this.#isRegistered === false) return;
    if (this.#session !== undefined) await this.#refresh();
    const opened: string[] = [];
    for (const password of this.#passwords) {
      const { status } = await this.#node().login(this.email, password);
      if (status === 200) opened.push(password);
      else if (status !== 401) this.#reportViolation(`a login answered ${status} when all was well`);
    }
    // A registration without response may not have taken effect.
    if (opened.length !== 1 && !(opened.length === 0 && this.#isRegistered === undefined)) {
      this.#reportViolation(`${opened.length} of ${this.#passwords.size} possible passwords open it`);
    }
    for (const node of nodes) {
      for (const token of this.ended) {
        const { status } = await node.me(token);
        if (status !== 401)
          this.#reportViolation(`${node.url} answered ${status} to the token of a session that was ended`);
      }
    }
  }

  async #register(): Promise<void> {
    const { outcome, status } = await this.#call('register', (node) => node.register(this.email));
    if (outcome === 'done') this.#isRegistered = true;
    else if (outcome === 'unknown') this.#isRegistered = undefined;
    else if (status === 409 && this.#isRegistered === undefined) this.#isRegistered = true;
    else this.#reportViolation(`a registration was refused with ${status}`);
  }

  async #logIn(): Promise<void> {
    const password = this.#anyPassword();
    const { outcome, status, body } = await this.#call('login', (node) => node.login(this.email, password));
    if (outcome === 'done') {
      this.#passwords = new Set([password]);
      this.#begin(body);
    } else if (outcome === 'refused') {
      if (this.#passwords.size === 1) this.#reportViolation(`the password was refused with ${status}`);
      this.#passwords.delete(password);
    }
  }

  /** Tries a password that was never set. */
  async #guess(): Promise<void> {
    const { outcome, status } = await this.#call('guess', (node) => node.login(this.email, `${PASSWORD} never`));
    if (outcome === 'done') this.#reportViolation('a password that was never set opened it');
    else if (outcome === 'refused' && status !== 401)
      this.#reportViolation(`a wrong password was refused with ${status}`);
  }

  /** Refreshes on two nodes at once: both must return the same successor. */
  async #refresh(): Promise<void> {
    const { refreshToken = '' } = this.#session ?? {};
    const askedAt = this.now();
    const answers = await Promise.all([
      this.#call('refresh', (node) => node.refresh(refreshToken)),
      this.#call('refresh', (node) => node.refresh(refreshToken)),
    ]);
    const successors = new Set(
      answers.filter(({ outcome }) => outcome === 'done').map(({ body }) => body['refresh_token']),
    );
    if (successors.size > 1) this.#reportViolation('one refresh token got two successors');
    const done = answers.find(({ outcome }) => outcome === 'done');
    if (done !== undefined) {
      this.#begin(done.body);
      return;
    }
    const refused = answers.find(({ outcome }) => outcome === 'refused');
    if (refused === undefined) {
      this.#unansweredSince ??= askedAt;
      return;
    }
    const isLate = this.#unansweredSince !== undefined && this.now() - this.#unansweredSince > GRACE_MS;
    if (!isLate)
      this.#reportViolation(`a live session was refused with ${refused.status} ${String(refused.body['code'])}`);
    this.#end(false);
  }

  async #askUser(): Promise<void> {
    const { token = '' } = this.#session ?? {};
    const { outcome, status } = await this.#call('user', (node) => node.call('GET', '/v1/users/me', { token }));
    if (outcome === 'refused') this.#reportViolation(`a live token was refused with ${status}`);
  }

  async #changePassword(): Promise<void> {
    const { token = '' } = this.#session ?? {};
    const currentPassword = this.#anyPassword();
    const newPassword = `${PASSWORD} ${++this.#changes}`;
    const { outcome, status } = await this.#call('password', (node) =>
      node.call('POST', '/v1/users/me/password', { token, json: { currentPassword, newPassword } }),
    );
    if (outcome === 'done') this.#passwords = new Set([newPassword]);
    else if (outcome === 'unknown') this.#passwords.add(newPassword);
    else {
      if (this.#passwords.size === 1) this.#reportViolation(`the current password was refused with ${status}`);
      this.#passwords.delete(currentPassword);
    }
  }

  async #logOut(): Promise<void> {
    const { token = '' } = this.#session ?? {};
    const { outcome, status } = await this.#call('logout', (node) => node.logout(token));
    // If the outcome is unknown, the session is not used again.
    if (outcome === 'refused') this.#reportViolation(`a logout was refused with ${status}`);
    this.#end(outcome === 'done');
  }

  #begin(body: Record<string, unknown>): void {
    this.#session = tokensOf({ body });
    this.#unansweredSince = undefined;
  }

  #end(isAcknowledged: boolean): void {
    if (isAcknowledged && this.#session) this.ended.push(this.#session.token);
    this.#session = undefined;
    this.#unansweredSince = undefined;
  }

  #anyPassword(): string {
    const possible = [...this.#passwords];
    return possible[Math.floor(this.random() * possible.length)] ?? PASSWORD;
  }

  #node(): Client {
    return this.nodes[Math.floor(this.random() * this.nodes.length)] as Client;
  }

  async #call(operation: string, ask: (node: Client) => Promise<Answer>) {
    const from = this.now();
    const answer = await ask(this.#node()).catch((error: unknown) => ({ status: 0, body: {}, error }));
    const { status, body } = answer;
    const outcome: Outcome = status === 0 || status === 503 ? 'unknown' : status < 300 ? 'done' : 'refused';
    if (status >= 500 && status !== 503) this.#reportViolation(`${operation} answered ${status}`);
    this.record({ account: this.email, operation, from, to: this.now(), outcome, answer: String(status) });
    if (outcome === 'unknown') await pause(20);
    return { outcome, status, body: body as Record<string, unknown> };
  }

  #reportViolation(what: string): void {
    this.violations.push(`${Math.round(this.now())} ms ${this.email}: ${what}`);
  }
}
