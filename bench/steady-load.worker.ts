import { parentPort, workerData } from 'node:worker_threads';
import { Connection, type Answer } from './http-connection.ts';

export interface Post {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SteadyLoad {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Bodies to POST in turn; GET when empty. */
  readonly posts: readonly Post[];
  readonly perSecond: number;
  /** Warm-up at the same rate; not counted. */
  readonly warmUpSeconds: number;
  /** Shortest measured time; it continues until each of the `awaited` answers has arrived. */
  readonly seconds: number;
  /** Answers without which there would be nothing to measure. */
  readonly awaited: readonly { readonly status: number; readonly withinMilliseconds: number }[];
  /** Longest wait for the last answers. */
  readonly patienceMilliseconds: number;
}

export interface SteadyResult {
  /** Length of the measured time. */
  readonly seconds: number;
  /** Milliseconds to the answer of each request sent in the measured time, by status. */
  readonly times: Readonly<Record<number, number[]>>;
  /** Number of answers that arrived in the measured time, by status. */
  readonly answers: Readonly<Record<number, number>>;
  /** Requests sent in the measured time without a valid answer. */
  readonly lost: number;
}

/** Longest extension of the measured time, for the awaited answers. */
const MAX_EXTENSION_SECONDS = 60;

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

const isMeasured = (time: number): boolean => time >= startsAt && time < endsAt;

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
  if (isMeasured(now)) answers[status] = (answers[status] ?? 0) + 1;
  if (isMeasured(askedAt)) {
    answered++;
    (times[status] ??= []).push(now - askedAt);
  }
  idle.push(connection);
}

async function ask(request: Buffer): Promise<void> {
  if (isMeasured(performance.now())) asked++;
  let connection = idle.pop();
  while (connection !== undefined && !open.has(connection)) connection = idle.pop();
  if (connection === undefined) {
    connection = openConnection();
    await connection.opened;
  }
  connection.ask(request, receive);
}

/** Whether the measured time is over. @throws Error when an awaited answer does not arrive */
function isOver(now: number): boolean {
  if (endsAt < Infinity) return true;
  if (now < leastEndsAt) return false;
  const missing = awaited.filter(
    ({ status, withinMilliseconds }) => !(times[status] ?? []).some((each) => each < withinMilliseconds),
  );
  if (missing.length === 0) endsAt = now;
  else if (now > leastEndsAt + MAX_EXTENSION_SECONDS * 1000) {
    const kinds = missing.map(({ status, withinMilliseconds }) => `${status} within ${withinMilliseconds} ms`);
    throw new Error(`${href} did not answer ${kinds.join(' and ')}`);
  }
  return endsAt < Infinity;
}

/** Each request is sent at its time, whether or not earlier ones were answered. */
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
