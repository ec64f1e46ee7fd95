import {
  changePassword,
  deleteAccount,
  forwardedFor,
  logIn,
  logOut,
  me,
  refresh,
  register,
  type ApiRequest,
  type Credentials,
  type TokenAnswer,
} from '../api-requests.ts';
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
  'CPU of the server': ['ms', ({ cpuMilliseconds }) => cpuMilliseconds],
};

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
    'guarded request': (count) => this.#signedIn(count, ({ access_token: token }) => me(token)),
    login: async (count) => this.#times(count, () => logIn(this.#credentials())),
    'login, known device': (count) =>
      this.#signedIn(count, ({ deviceToken }, { email }) => logIn({ email, password: PASSWORD, deviceToken })),
    'wrong password': async (count) =>
      this.#times(count, () => logIn({ ...this.#credentials(), password: 'not the right passphrase' }, 401)),
    refresh: (count) => this.#signedIn(count, ({ refresh_token: token }) => refresh(token)),
    logout: (count) => this.#signedIn(count, ({ access_token: token }) => logOut(token)),
    registration: async (count) =>
      this.#times(count, () => register({ email: `new${this.#next}@example.com`, password: PASSWORD })),
    'password change': (count) =>
      this.#signedIn(count, ({ access_token: token }) => changePassword(token, PASSWORD, `${PASSWORD} again`)),
    'account deletion': (count) => this.#signedIn(count, ({ access_token: token }) => deleteAccount(token, PASSWORD)),
  };

  #times(count: number, request: () => ApiRequest): Send[] {
    return Array.from({ length: count }, () => () => this.#send(request()));
  }

  /** Signs in that many users first, which is not counted. */
  async #signedIn(
    count: number,
    request: (tokens: TokenAnswer, credentials: Credentials) => ApiRequest,
  ): Promise<Send[]> {
    const sends: Send[] = [];
    for (let user = 0; user < count; user++) {
      const credentials = this.#credentials();
      const tokens = (await this.#send(logIn(credentials))) as TokenAnswer;
      sends.push(() => this.#send(request(tokens, credentials)));
    }
    return sends;
  }

  #credentials(): Credentials {
    return { email: this.#emails[this.#next++ % this.#emails.length] as string, password: PASSWORD };
  }

  async #send({ method, path, headers, body, status }: ApiRequest): Promise<unknown> {
    const from = forwardedFor(this.#next++);
    const init = { method, headers: { ...headers, ...from }, ...(body !== undefined && { body }) };
    const response = await fetch(this.#url + path, init);
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path} answered ${response.status}: ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
