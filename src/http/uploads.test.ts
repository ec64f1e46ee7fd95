import { fastify, type FastifyInstance, type FastifyRequest } from 'fastify';
import type { IncomingMessage } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Type } from 'typebox';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { registerOpenApi } from '../openapi/openapi-document.js';
import { logOptions } from '../logging/log-options.js';
import { sendProblem } from '../problems/problem.filter.js';
import { defineOwnProblem } from '../problems/problem.js';
import { CLIENT_TIMEOUTS } from './client-timeouts.js';
import { httpServerOptions, prepareHttp, registerHttp } from './http-server.js';

const USUAL_MS = 1500;
const LIMIT = 6_000_000;
const FILE = Buffer.alloc(5_000_000, 'x');

const Upload = Type.Object({ file: Type.String({ format: 'binary' }) }, { additionalProperties: false });
const Note = Type.Object({ text: Type.String({ maxLength: 100 }) }, { additionalProperties: false });
const asMultipart = { 'multipart/form-data': { schema: Upload } };

const tokenMissing = defineOwnProblem({ code: 'token_missing', status: 401, detail: 'Send a token.' });

const lines: string[] = [];
let closed = 0;
let server: FastifyInstance;
let port: number;

async function formOf(request: FastifyRequest, payload: IncomingMessage): Promise<FormData> {
  const headers = { 'content-type': request.headers['content-type'] ?? '' };
  return new Response(Readable.toWeb(payload) as ReadableStream, { headers }).formData();
}

const sizeOf = async ({ body }: FastifyRequest): Promise<object> => ({
  size: body instanceof FormData ? (body.get('file') as File).size : null,
});

beforeAll(async () => {
  const http = prepareHttp({ https: false });
  const timeouts = { ...CLIENT_TIMEOUTS, headersMs: USUAL_MS, requestMs: USUAL_MS, checkMs: 25 };
  const stream = { write: (line: string) => void lines.push(line) };
  server = fastify({ ...httpServerOptions(http, timeouts), logger: logOptions('warn', stream) });
  registerHttp(server, http);
  await registerOpenApi(server, { title: 'Uploads', version: '1', authenticationProblems: [tokenMissing], tags: [] });
  server.setErrorHandler((error, request, reply) => sendProblem(error, () => undefined, request, reply));
  // As the authentication hook does it, before the body is read.
  server.addHook('onRequest', async (request) => {
    if (request.headers.authorization === 'none') throw tokenMissing();
  });
  server.addContentTypeParser('multipart/form-data', formOf);
  const config: object = { bodyLimit: LIMIT, bodySeconds: 60 };
  server.post('/upload', { config, schema: { body: { content: asMultipart } } }, sizeOf);
  server.addContentTypeParser(
    'application/octet-stream',
    async (_request: FastifyRequest, payload: IncomingMessage) => payload,
  );
  const asStream = { 'application/octet-stream': { schema: Type.String({ format: 'binary' }) } };
  server.post('/stream', { config, schema: { body: { content: asStream } } }, async ({ body }, reply) => {
    let size = 0;
    reply.raw.once('close', () => closed++);
    for await (const piece of body as IncomingMessage) size += (piece as Buffer).length;
    return { size };
  });
  const either = { content: { ...asMultipart, 'application/json': { schema: Note } } };
  server.post('/either', { config, schema: { body: either } }, async ({ body }) => ({
    isForm: body instanceof FormData,
  }));
  server.post('/large', { config }, async ({ body }) => ({ size: JSON.stringify(body).length }));
  server.post('/notes', { schema: { body: Note } }, async ({ body }) => body);
  server.post('/anything', async ({ body }) => ({ body }));
  await server.register(async (plugin) => {
    plugin.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, text, done) => done(null, text));
    plugin.post('/plugin', async ({ body }) => ({ body }));
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = server.server.address() as AddressInfo);
});

afterAll(() => server.close());

async function post(path: string, init: RequestInit): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { method: 'POST', ...init });
  const { code, detail, ...body } = (await response.json()) as Record<string, unknown>;
  return `${response.status} ${typeof code === 'string' ? `${code}: ${String(detail)}` : JSON.stringify(body)}`;
}

function formWith(file: Uint8Array<ArrayBuffer>): FormData {
  const form = new FormData();
  form.set('file', new Blob([file]), 'file.bin');
  return form;
}

const json = (value: unknown): RequestInit => ({
  body: JSON.stringify(value),
  headers: { 'content-type': 'application/json' },
});

const BOUNDARY = 'limit';
const HEAD = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n`;
const TAIL = `\r\n--${BOUNDARY}--\r\n`;

/** Starts a request on a connection of its own. */
function begin(
  path: string,
  fields: readonly string[],
  type = `multipart/form-data; boundary=${BOUNDARY}`,
): {
  socket: Socket;
  answer: Promise<string>;
} {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1');
  onTestFinished(() => void socket.destroy());
  let received = '';
  socket.on('error', () => undefined).on('data', (text: string) => (received += text));
  const answer = new Promise<string>((resolve) => socket.on('close', () => resolve(received)));
  socket.write(`POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Type: ${type}\r\n${fields.join('\r\n')}\r\n\r\n`);
  return { socket, answer };
}

/** Sends a byte now and then until the server closes the connection; resolves with its answer and the time. */
async function trickle(
  path: string,
  fields: readonly string[],
  type?: string,
): Promise<{ status: string; ms: number }> {
  const startedAt = performance.now();
  const { socket, answer } = begin(path, ['Content-Length: 5000', ...fields], type);
  const timer = setInterval(() => socket.write('x'), 100);
  onTestFinished(() => clearInterval(timer));
  return { status: (await answer).slice(9, 12), ms: performance.now() - startedAt };
}

describe('a route that takes an upload', () => {
  it('reads 5 MB of multipart/form-data', async () => {
    expect(await post('/upload', { body: formWith(FILE) })).toBe(`200 {"size":${FILE.length}}`);
  });

  it('reads them over a connection that takes longer than other requests may', async () => {
    const length = HEAD.length + FILE.length + TAIL.length;
    const { socket, answer } = begin('/upload', [`Content-Length: ${length}`, 'Connection: close']);
    socket.write(HEAD);
    const startedAt = performance.now();
    for (let sent = 0; sent < FILE.length; sent += 250_000) {
      socket.write(FILE.subarray(sent, sent + 250_000));
      await sleep(150);
    }
    socket.write(TAIL);
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{"size":5000000\}$/);
    expect(performance.now() - startedAt).toBeGreaterThan(1.5 * USUAL_MS);
  });

  it('reads JSON beside it if its schema lists it, and validates that', async () => {
    expect(await post('/either', { body: formWith(FILE) })).toBe('200 {"isForm":true}');
    expect(await post('/either', json({ text: 'a' }))).toBe('200 {"isForm":false}');
    expect(await post('/either', json({ text: 1 }))).toMatch(/^400 validation_failed/);
  });

  it('refuses other types, and a request without a body', async () => {
    expect(await post('/upload', json({ file: 'a' }))).toBe(
      '415 media_type_unsupported: Send the body as multipart/form-data.',
    );
    expect(await post('/upload', {})).toMatch(/^400 validation_failed/);
    expect(await post('/either', {})).toMatch(/^400 validation_failed/);
  });

  it('answers a larger body with 413, whether its length is known or not', async () => {
    expect(await post('/upload', { body: formWith(Buffer.alloc(LIMIT)) })).toMatch(/^413 body_too_large/);
    const { socket, answer } = begin('/upload', ['Transfer-Encoding: chunked']);
    const piece = `ffff\r\n${'x'.repeat(0xffff)}\r\n`;
    socket.write(`${HEAD.length.toString(16)}\r\n${HEAD}\r\n`);
    for (let sent = 0; sent <= LIMIT; sent += 0xffff) socket.write(piece);
    expect(await answer).toMatch(/^HTTP\/1\.1 413 [\s\S]*"code":"body_too_large"/);
    expect(await post('/upload', { body: formWith(FILE) })).toMatch(/^200/);
  });

  it('gives a handler the body as a stream, and logs no error if the client leaves', async () => {
    const type = 'application/octet-stream';
    expect(await post('/stream', { body: FILE, headers: { 'content-type': type } })).toBe('200 {"size":5000000}');
    const { socket, answer } = begin('/stream', ['Content-Length: 5000'], type);
    socket.write('x'.repeat(1000));
    await sleep(300);
    socket.destroy();
    await answer;
    await expect.poll(() => closed).toBe(2);
    await post('/stream', { body: FILE, headers: { 'content-type': type } });
    expect(lines).toEqual([]);
  });

  it('is described in the OpenAPI document', () => {
    const { paths } = server.swagger() as {
      paths?: Record<string, { post?: { requestBody?: object; responses?: Record<string, { description: string }> } }>;
    };
    const { requestBody, responses } = paths?.['/upload']?.post ?? {};
    expect(requestBody).toMatchObject({
      required: true,
      content: { 'multipart/form-data': { schema: { properties: { file: { type: 'string', format: 'binary' } } } } },
    });
    expect(responses?.['415']?.description).toContain('Send the body as multipart/form-data.');
    expect(responses?.['400']?.description).not.toContain('json_malformed');
    expect(paths?.['/notes']?.post?.responses?.['415']?.description).toContain('Send the body as application/json.');
  });
});

describe('beside such a route', () => {
  it.each(['/notes', '/anything', '/large', '/plugin'])('%s reads no multipart/form-data', async (path) => {
    expect(await post(path, { body: formWith(Buffer.from('x')) })).toBe(
      '415 media_type_unsupported: Send the body as application/json.',
    );
  });

  it('a plugin reads the types that it has added itself', async () => {
    const csv = { body: 'a,b', headers: { 'content-type': 'text/csv' } };
    expect(await post('/plugin', csv)).toBe('200 {"body":"a,b"}');
    expect(await post('/anything', csv)).toMatch(/^415/);
    expect(await post('/plugin', json([1]))).toBe('200 {"body":[1]}');
  });

  it('JSON is read up to the limit of its route', async () => {
    const text = 'x'.repeat(1_000_000);
    expect(await post('/large', json([text]))).toBe('200 {"size":1000004}');
    expect(await post('/anything', json([text]))).toMatch(/^413 body_too_large/);
    expect(await post('/large', json(['x'.repeat(LIMIT)]))).toMatch(/^413 body_too_large/);
  });

  it.each([
    ['without a token', '/upload', '401', ['Authorization: none'], undefined],
    ['of another type', '/anything', '415', [], undefined],
    ['of JSON', '/anything', '408', [], 'application/json'],
    ['to an unknown path', '/nothing', '404', [], undefined],
  ])('a slow request is cut off as soon as ever: %s', async (_case, path, status, fields, type) => {
    const end = await trickle(path, fields, type);
    expect(end.status).toBe(status);
    expect(end.ms).toBeLessThan(20 * USUAL_MS);
    if (status === '408') expect(end.ms).toBeGreaterThan(0.9 * USUAL_MS);
  });
});
