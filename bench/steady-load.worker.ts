import { parentPort, workerData } from 'node:worker_threads';
import { Connection, type Answer } from './http-connection.ts';

export interface Post {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SteadyLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Posted in turn; without any it is GET. */
  readonly posts: readonly Post[];
  readonly perSecond: number;
  /** Beforehand, at the same rate; counts for nothing. */
  readonly warmUpSeconds: number;
  /** How long the time that counts is at least: it goes on until each of the `awaited` has come. */
  readonly seconds: number;
  /** Answers without which the figures would be of nothing. */
  readonly awaited: readonly { readonly status: number; readonly withinMilliseconds: number }[];
  /** How long the last ones have for their answers. */
  readonly patienceMilliseconds: number;
}

export interface SteadyResult {
  /** Of the time that counts. */
  readonly seconds: number;
  /** Milliseconds to the answer of each that was asked in the time that counts, by status. */
  readonly times: Readonly<Record<number, number[]>>;
  /** Answers that came in the time that counts, by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** Asked in the time that counts and not answered, or badly. */
  readonly lost: number;
}

/** Beyond its time, for what is awaited. */
const LONGEST_EXTENSION_SECONDS = 60;

const { url: href, headers, posts, perSecond, awaited, ...spans } = workerData as SteadyLoad;
const url = new URL(href);
const startsAt = performance.now() + spans.warmUpSeconds * 1000;
const leastEndsAt = startsAt + spans.seconds * 1000;
let endsAt = Infinity;
const times: Record<number, number[]> = {};
const answers: Record<number, number> = {};
const open = new Set<Connection>();
const idle: Connection[] = [];
let [asked, answered] = [0, 0];

const counts = (time: number): boolean => time >= startsAt && time < endsAt;

function requestOf({ body, headers: own }: Partial<Post>): Buffer {
  const lines = Object.entries({ host: url.host, connection: 'keep-alive', ...headers, ...own });
  if (body !== undefined) lines.push(['content-length', String(Buffer.byteLength(body))]);
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return Buffer.from(`${body === undefined ? 'GET' : 'POST'} ${url.pathname} HTTP/1.1\r\n${head}\r\n${body ?? ''}`);
}

function openConnection(): Connection {
  const connection: Connection = new Connection(url, () => {
    open.delete(connection);
    connection.close();
  });
  open.add(connection);
  return connection;
}

function receive(connection: Connection, { status, askedAt }: Answer): void {
  const now = performance.now();
  if (counts(now)) answers[status] = (answers[status] ?? 0) + 1;
  if (counts(askedAt)) {
    answered++;
    (times[status] ??= []).push(now - askedAt);
  }
  idle.push(connection);
}

async function ask(request: Buffer): Promise<void> {
  if (counts(performance.now())) asked++;
  let connection = idle.pop();
  while (connection !== undefined && !open.has(connection)) connection = idle.pop();
  if (connection === undefined) {
    connection = openConnection();
    await connection.opened;
  }
  connection.ask(request, receive);
}

/** Whether the time that counts is over. @throws Error when what is awaited does not come */
function isOver(now: number): boolean {
  if (endsAt < Infinity) return true;
  if (now < leastEndsAt) return false;
  const missing = awaited.filter(
    ({ status, withinMilliseconds }) => !(times[status] ?? []).some((each) => each < withinMilliseconds),
  );
  if (missing.length === 0) endsAt = now;
  else if (now > leastEndsAt + LONGEST_EXTENSION_SECONDS * 1000) {
    const kinds = missing.map(({ status, withinMilliseconds }) => `${status} within ${withinMilliseconds} ms`);
    throw new Error(`${href} did not answer ${kinds.join(' and ')}`);
  }
  return endsAt < Infinity;
}

/** Each at its time, whether those before it are answered or not. */
const requests = posts.length === 0 ? [requestOf({})] : posts.map(requestOf);
const beganAt = performance.now();
let sent = 0;
const timer = setInterval(() => {
  const isEnough = isOver(performance.now());
  const now = Math.min(performance.now(), endsAt);
  for (; sent < ((now - beganAt) / 1000) * perSecond; sent++) void ask(requests[sent % requests.length] as Buffer);
  if (!isEnough || performance.now() < endsAt + (answered < asked ? spans.patienceMilliseconds : 0)) return;
  clearInterval(timer);
  const seconds = (endsAt - startsAt) / 1000;
  parentPort?.postMessage({ seconds, times, answers, lost: asked - answered } satisfies SteadyResult);
  for (const connection of open) connection.close();
}, 1);
