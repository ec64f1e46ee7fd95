import type { Effort, Server } from '../harness.ts';
import { LIMITED, makeAccounts, PASSWORD } from '../login-load.ts';
import { measure, type Measure, type Result } from '../results.ts';
import { StatementStatistics, withStatementStatistics, type DatabaseCosts } from '../statement-statistics.ts';

const SCENARIO = 'cost';
const ABOUT =
  'what one request costs the database, counted by PostgreSQL; limits on, each request of another user and IP address';
/** The costs of the larger number minus those of the smaller: what does not depend on the number falls out. */
const NUMBERS = [10, 50] as const;

const FIGURES: Readonly<Record<string, readonly [unit: string, read: (costs: DatabaseCosts) => number]>> = {
  'round trips': ['round trips', ({ roundTrips }) => roundTrips],
  transactions: ['transactions', ({ transactions }) => transactions],
  'transactions of several statements': ['transactions', ({ begins }) => begins],
  'buffers hit': ['buffers', ({ hit }) => hit],
  'buffers read': ['buffers', ({ read }) => read],
  'buffers dirtied': ['buffers', ({ dirtied }) => dirtied],
  WAL: ['bytes', ({ walBytes }) => walBytes],
  'WAL records': ['records', ({ walRecords }) => walRecords],
  'WAL fsyncs': ['fsyncs', ({ fsyncs }) => fsyncs],
  'time in the server': ['ms', ({ milliseconds }) => milliseconds],
};

interface Tokens {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly deviceToken: string;
}

/** What each kind of request costs the database. */
export function cost(effort: Effort): Promise<Result> {
  return withStatementStatistics(async (bench) => {
    const databaseUrl = await bench.createDatabase();
    const server = await bench.startServer(databaseUrl, { ...LIMITED, LOG_LEVEL: 'error' });
    const requests = new Requests(server, await makeAccounts(bench, databaseUrl, server));
    const statistics = await StatementStatistics.open(bench, databaseUrl);
    const measures: Measure[] = [];
    for (const [kind, prepare] of Object.entries(requests.kinds)) {
      const costs: DatabaseCosts[][] = [];
      for (let round = 0; round < effort.rounds; round++) costs.push(await measureKind(statistics, prepare));
      for (const [figure, [unit, read]] of Object.entries(FIGURES)) {
        const [few, many] = NUMBERS;
        const each = costs.map(
          ([ofFew, ofMany]) => (read(ofMany as DatabaseCosts) - read(ofFew as DatabaseCosts)) / (many - few),
        );
        measures.push(measure(SCENARIO, `${kind}: ${figure}`, unit, each));
      }
    }
    return { scenario: SCENARIO, about: ABOUT, effort, servers: {}, measures };
  });
}

type Send = () => Promise<unknown>;

async function measureKind(
  statistics: StatementStatistics,
  prepare: (count: number) => Promise<readonly Send[]>,
): Promise<DatabaseCosts[]> {
  // What the requests need is made before anything is counted.
  const groups = [await prepare(NUMBERS[0]), await prepare(NUMBERS[1])];
  return statistics.costsOf(
    groups.map((sends) => async () => {
      for (const send of sends) await send();
    }),
  );
}

/** Real requests, each of another user and from another IP address, so that no limit is met. */
class Requests {
  #next = 0;

  readonly #url: string;
  readonly #emails: readonly string[];

  constructor({ url }: Server, emails: readonly string[]) {
    this.#url = url;
    this.#emails = emails;
  }

  readonly kinds: Readonly<Record<string, (count: number) => Promise<readonly Send[]>>> = {
    'guarded request': (count) => this.#signedIn(count, ({ access_token: token }) => this.#get('/v1/auth/me', token)),
    login: async (count) => this.#times(count, () => this.#logIn(PASSWORD)),
    'login, known device': (count) =>
      this.#signedIn(count, ({ deviceToken }, email) => this.#logIn(PASSWORD, email, deviceToken)),
    'wrong password': async (count) =>
      this.#times(count, () => this.#logIn('not the right passphrase', undefined, undefined, 401)),
    refresh: (count) =>
      this.#signedIn(count, ({ refresh_token }) => this.#post('/v1/auth/refresh', { refresh_token }, 200)),
    logout: (count) =>
      this.#signedIn(count, ({ access_token: token }) => this.#post('/v1/auth/logout', undefined, 204, token)),
    registration: async (count) =>
      this.#times(count, () =>
        this.#post('/v1/auth/register', { email: `new${this.#next}@example.com`, password: PASSWORD }, 201),
      ),
    'password change': (count) =>
      this.#signedIn(count, ({ access_token: token }) =>
        this.#post(
          '/v1/users/me/password',
          { currentPassword: PASSWORD, newPassword: `${PASSWORD} again` },
          204,
          token,
        ),
      ),
    'account deletion': (count) =>
      this.#signedIn(count, ({ access_token: token }) =>
        this.#post('/v1/users/me/deletion', { currentPassword: PASSWORD }, 204, token),
      ),
  };

  #times(count: number, send: Send): Send[] {
    return Array.from({ length: count }, () => send);
  }

  /** Signs in that many users first, which is not counted. */
  async #signedIn(count: number, send: (tokens: Tokens, email: string) => Promise<unknown>): Promise<Send[]> {
    const sends: Send[] = [];
    for (let user = 0; user < count; user++) {
      const email = this.#nextEmail();
      const tokens = (await this.#logIn(PASSWORD, email)) as Tokens;
      sends.push(() => send(tokens, email));
    }
    return sends;
  }

  #nextEmail(): string {
    return this.#emails[this.#next++ % this.#emails.length] as string;
  }

  #logIn(password: string, email = this.#nextEmail(), deviceToken?: string, status = 200): Promise<unknown> {
    return this.#post('/v1/auth/login', { email, password, ...(deviceToken !== undefined && { deviceToken }) }, status);
  }

  #get(path: string, token: string): Promise<unknown> {
    return this.#send(path, { headers: { authorization: `Bearer ${token}` } }, 200);
  }

  #post(path: string, json: object | undefined, status: number, token?: string): Promise<unknown> {
    const address = this.#next++;
    const headers = {
      'x-forwarded-for': `10.${address >> 16}.${(address >> 8) & 255}.${address & 255}`,
      ...(json !== undefined && { 'content-type': 'application/json' }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    };
    const body = json === undefined ? {} : { body: JSON.stringify(json) };
    return this.#send(path, { method: 'POST', headers, ...body }, status);
  }

  async #send(path: string, init: RequestInit, status: number): Promise<unknown> {
    const response = await fetch(this.#url + path, init);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
