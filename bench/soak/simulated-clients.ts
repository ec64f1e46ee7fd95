import { randomBytes, randomInt } from 'node:crypto';
import {
  changePassword,
  deleteAccount,
  listSessions,
  logIn,
  logOut,
  me,
  refresh,
  register,
  type ApiRequest,
  type TokenAnswer,
} from '../api-requests.ts';
import { PASSWORD } from '../login-load.ts';
import { shuffled } from '../statistics.ts';

/**
 * How many of 10,000 requests are of each kind. As many users log in as log out or are deleted, and as many register as
 * are deleted, so that the numbers of users and of live sessions stay the same.
 */
const MIX = {
  'guarded request': 9622,
  'garbage token': 100,
  'ended session': 40,
  'session list': 100,
  refresh: 60,
  login: 25,
  logout: 18,
  'wrong password': 12,
  registration: 8,
  'account deletion': 7,
  'password change': 8,
} as const;

export type Kind = keyof typeof MIX;
export const KINDS = Object.keys(MIX) as Kind[];

/** Access tokens of ended sessions, for requests that must be refused. */
const MAX_ENDED = 100;
/** Random picks of a client without requests in progress, before another kind of request is sent instead. */
const MAX_PICKS = 20;

interface Client {
  readonly email: string;
  /** Number of its IP address. */
  address: number;
  password: string;
  deviceToken: string | undefined;
  accessToken: string;
  refreshToken: string;
  requestsInProgress: number;
}

export interface ClientRequest {
  readonly kind: Kind;
  readonly request: ApiRequest;
  readonly address: number;
  /** Takes the body of the expected answer. */
  readonly accept: (body: string) => void;
  /** Is called after any end of the request. */
  readonly settle: () => void;
}

/**
 * Users of an API who log in and out, refresh, register and so on, each request expecting one status. A session is ended
 * only while it has no other request in progress, so that no answer depends on the order of two connections.
 */
export class SimulatedClients {
  readonly #signedIn: Client[] = [];
  readonly #signedOut: Client[];
  readonly #bystanders: readonly string[];
  readonly #endedTokens: string[] = [];
  #deck: Kind[] = [];
  #nextAddress = 0;
  #nextBystander = 0;

  /** @param emails accounts with {@link PASSWORD}; those beyond `active` only suffer wrong passwords */
  constructor(emails: readonly string[], active: number) {
    this.#signedOut = emails.slice(0, active).map((email) => this.#newClient(email));
    this.#bystanders = emails.slice(active);
  }

  /** The next login, until this part of the users is signed in. */
  nextOfFirstLogins(part: number): ClientRequest | undefined {
    return this.#signedOut.length > (1 - part) * (this.#signedIn.length + this.#signedOut.length)
      ? this.#login()
      : undefined;
  }

  /** The next request: each ten thousand have exactly the {@link MIX}, in random order. */
  nextRequest(): ClientRequest {
    if (this.#deck.length === 0) this.#deck = shuffled(KINDS.flatMap((kind) => Array<Kind>(MIX[kind]).fill(kind)));
    const kind = this.#deck.pop() as Kind;
    return this.#requests[kind]() ?? this.#guarded();
  }

  readonly #requests: Readonly<Record<Kind, () => ClientRequest | undefined>> = {
    'guarded request': () => this.#guarded(),
    'garbage token': () => this.#refused('garbage token', `${randomBytes(90).toString('base64url')}.e30.AAAA`),
    'ended session': () => this.#refused('ended session', this.#endedTokens[randomInt(this.#endedTokens.length || 1)]),
    'session list': () => this.#byToken('session list', (client) => listSessions(client.accessToken)),
    refresh: () => this.#refresh(),
    login: () => this.#login(),
    logout: () => this.#ending('logout', ({ accessToken }) => logOut(accessToken), true),
    'wrong password': () => this.#wrongPassword(),
    registration: () => this.#registration(),
    'account deletion': () =>
      this.#ending('account deletion', ({ accessToken, password }) => deleteAccount(accessToken, password), false),
    'password change': () => this.#passwordChange(),
  };

  #guarded(): ClientRequest {
    return (
      this.#byToken('guarded request', ({ accessToken }) => me(accessToken)) ??
      (this.#refused('garbage token', 'garbage') as ClientRequest)
    );
  }

  #byToken(kind: Kind, request: (client: Client) => ApiRequest): ClientRequest | undefined {
    const client = this.#signedIn[randomInt(this.#signedIn.length || 1)];
    return client && this.#of(client, kind, request(client));
  }

  #refused(kind: Kind, token: string | undefined): ClientRequest | undefined {
    if (token === undefined) return undefined;
    return { kind, request: me(token, 401), address: this.#nextAddress++, accept: ignore, settle: ignore };
  }

  /** The one whose last refresh was longest ago, so that no access token expires. */
  #refresh(): ClientRequest | undefined {
    const index = this.#signedIn.findIndex(({ requestsInProgress }) => requestsInProgress === 0);
    const client = this.#take(index);
    if (client === undefined) return undefined;
    const accept = (body: string): void => this.#accept(client, body);
    return this.#of(client, 'refresh', refresh(client.refreshToken), accept);
  }

  #login(): ClientRequest | undefined {
    const client = this.#signedOut.shift();
    if (client === undefined) return undefined;
    client.address = this.#nextAddress++;
    const { email, password, deviceToken } = client;
    const request = logIn({ email, password, ...(deviceToken !== undefined && { deviceToken }) });
    return this.#of(client, 'login', request, (body) => this.#accept(client, body));
  }

  #accept(client: Client, body: string): void {
    const answer = JSON.parse(body) as TokenAnswer;
    client.accessToken = answer.access_token;
    client.refreshToken = answer.refresh_token;
    client.deviceToken = answer.deviceToken ?? client.deviceToken;
    this.#signedIn.push(client);
  }

  #ending(kind: Kind, request: (client: Client) => ApiRequest, remains: boolean): ClientRequest | undefined {
    const client = this.#takeIdle();
    if (client === undefined) return undefined;
    return this.#of(client, kind, request(client), () => {
      this.#endedTokens.push(client.accessToken);
      if (this.#endedTokens.length > MAX_ENDED) this.#endedTokens.shift();
      if (remains) this.#signedOut.push(client);
    });
  }

  #wrongPassword(): ClientRequest {
    const email = this.#bystanders[this.#nextBystander++ % this.#bystanders.length] ?? '';
    const request = logIn({ email, password: 'not the right passphrase' }, 401);
    return { kind: 'wrong password', request, address: this.#nextAddress++, accept: ignore, settle: ignore };
  }

  #registration(): ClientRequest {
    const client = this.#newClient(`${randomBytes(9).toString('hex')}@example.com`);
    return this.#of(client, 'registration', register(client), () => this.#signedOut.push(client));
  }

  #passwordChange(): ClientRequest | undefined {
    const client = this.#takeIdle();
    if (client === undefined) return undefined;
    const next = client.password === PASSWORD ? `${PASSWORD} again` : PASSWORD;
    return this.#of(client, 'password change', changePassword(client.accessToken, client.password, next), () => {
      client.password = next;
      this.#signedIn.push(client);
    });
  }

  #newClient(email: string): Client {
    const address = this.#nextAddress++;
    const tokens = { deviceToken: undefined, accessToken: '', refreshToken: '' };
    return { email, address, password: PASSWORD, requestsInProgress: 0, ...tokens };
  }

  #of(client: Client, kind: Kind, request: ApiRequest, accept: (body: string) => void = ignore): ClientRequest {
    client.requestsInProgress++;
    return { kind, request, address: client.address, accept, settle: () => void client.requestsInProgress-- };
  }

  /** Takes a client without requests in progress; it gets no other request until it is put back. */
  #takeIdle(): Client | undefined {
    for (let pick = 0; pick < MAX_PICKS && this.#signedIn.length > 0; pick++) {
      const index = randomInt(this.#signedIn.length);
      if (this.#signedIn[index]?.requestsInProgress === 0) return this.#take(index);
    }
    return undefined;
  }

  #take(index: number): Client | undefined {
    return index < 0 ? undefined : this.#signedIn.splice(index, 1)[0];
  }
}

function ignore(): void {}
