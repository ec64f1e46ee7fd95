import { Body, Controller, Module, Param, Post, Res } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import type { FastifyReply } from 'fastify';
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { beforeAll, describe, expect, it } from 'vitest';
import { Audit, type ApplicationEvent } from '../../src/audit/audit.js';
import type { Principal } from '../../src/access/principal.js';
import { CurrentUser } from '../../src/access/route-access.decorators.js';
import { Database, type Statements } from '../../src/database/database.js';
import { violatedForeignKey } from '../../src/database/database-errors.js';
import type { ApplicationOptions } from '../../src/app.js';
import { defineProblem } from '../../src/problems/problem.js';
import { ChangeFeed } from '../../src/database/change-feed.js';
import type { Providers, RegisteredUser } from '../../src/users/application-hooks.js';
import { Users } from '../../src/users/users.js';
import { afterAllTests, createDatabase, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';

const readerGone = defineProblem({ code: 'reader_gone', status: 409, detail: 'There is no such reader.' });
const closed = { additionalProperties: false };

/** What happens between the check of the token and the write. */
let beforeWrite: () => Promise<void>;

@Controller('v1/letters')
class LettersController {
  constructor(
    private readonly database: Database,
    private readonly users: Users,
  ) {}

  @Post()
  async create(@CurrentUser() { userId }: Principal): Promise<object> {
    await beforeWrite();
    await this.database.execute`INSERT INTO letters (author) VALUES (${userId}::uuid)`;
    return {};
  }

  @Post('to/:reader')
  @RouteSchema({ params: Type.Object({ reader: Type.String() }, closed) })
  async send(@CurrentUser() { userId }: Principal, @Param() { reader }: { reader: string }): Promise<object> {
    try {
      await this.database.execute`INSERT INTO letters (author, reader) VALUES (${userId}::uuid, ${reader}::uuid)`;
    } catch (error) {
      throw violatedForeignKey(error) === 'letters_reader_fkey' ? readerGone({ cause: error }) : error;
    }
    return {};
  }

  /** Begins its answer past Nest and Fastify. */
  @Post('exported')
  async export(@CurrentUser() { userId }: Principal, @Res() reply: FastifyReply): Promise<void> {
    reply.raw.writeHead(200, { 'content-type': 'text/csv' });
    reply.raw.write('id,text\n');
    await beforeWrite();
    await this.database.execute`INSERT INTO letters (author) VALUES (${userId}::uuid)`;
    reply.raw.end();
  }

  @Post('subscription')
  @RouteSchema({ body: Type.Object({ fails: Type.Boolean() }, closed) })
  async subscribe(@CurrentUser() { userId }: Principal, @Body() { fails }: { fails: boolean }): Promise<object> {
    await this.database.transaction(async (tx) => {
      await this.users.setAppData(userId, { plan: 'paid' }, { tx, userId });
      await this.users.grant(userId, 'subscriber', { tx, userId });
      await tx.execute`INSERT INTO letters (author) VALUES (${userId}::uuid)`;
      if (fails) throw readerGone();
    });
    return {};
  }
}

@Module({ controllers: [LettersController] })
class LettersModule {}

const TABLE = `CREATE TABLE letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  author uuid NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  reader uuid REFERENCES users (id) ON DELETE CASCADE
)`;

/** Every character escaped, it allows more than the 16 KiB that a route reads otherwise. */
const Profile = Type.Object({ displayName: Type.String({ minLength: 1, maxLength: 2000 }) }, closed);

let app: TestApp;
let otherNode: TestApp;
const onFinished = afterAllTests();
beforeAll(async () => {
  const databaseUrl = await createDatabase(onFinished);
  const options = {
    features: [LettersModule],
    databaseUrl,
    onRegistered: async (tx: Statements, { id, email }: RegisteredUser, providers: Providers) => {
      if (email.startsWith('staff-')) await providers.get(Users).grant(id, 'staff', { tx });
    },
  };
  app = await startApp(options, onFinished);
  otherNode = await startApp(options, onFinished);
  await app.query(TABLE);
});

const users = (): Users => app.nest.get(Users, { strict: false });
const deleteAccount = async (node: TestApp, token: string): Promise<void> => {
  const json = { currentPassword: PASSWORD };
  expect((await node.call('POST', '/v1/users/me/deletion', { token, json })).status).toBe(204);
};
const outcome = ({ status, body }: Answer): unknown => [status, body['code']];

describe('a write whose caller is deleted before it', () => {
  it.each([
    ['the same node', () => app],
    ['another node, before this one has heard of it', () => otherNode],
  ])('by %s is 401, and no failure of the service', async (_where, deleting) => {
    const { token } = await app.signIn();
    beforeWrite = () => deleteAccount(deleting(), token);
    const answer = await app.call('POST', '/v1/letters', { token });
    expect(outcome(answer)).toEqual([401, 'token_revoked']);
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"');
    await app.nest.get(ChangeFeed, { strict: false }).readChanges();
    expect(outcome(await app.call('POST', '/v1/letters', { token }))).toEqual([401, 'token_revoked']);
    expect(app.log().filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  it('ends an answer that has begun, and nothing else', async () => {
    const { token } = await app.signIn();
    beforeWrite = () => deleteAccount(app, token);
    const exported = fetch(`${app.url}/v1/letters/exported`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    });
    await expect(exported.then((response) => response.text())).rejects.toThrow('terminated');
    expect((await app.me((await app.signIn()).token)).status).toBe(200);
  });

  it('that another foreign key refuses stays what the handler says, and 500 where it says nothing', async () => {
    const { token } = await app.signIn();
    await app.query('CREATE TABLE letters_kept (author uuid REFERENCES users (id) ON DELETE RESTRICT)');
    const { userId } = await app.signIn();
    await app.query('INSERT INTO letters_kept VALUES ($1)', [userId]);
    const database = app.nest.get(Database, { strict: false });
    const refused = await database.execute`DELETE FROM users WHERE id = ${userId}::uuid`.catch(
      (error: unknown) => error,
    );
    expect(violatedForeignKey(refused)).toBe('letters_kept_author_fkey');
    expect(violatedForeignKey(new Error('23503'))).toBeUndefined();
    await app.query('DROP TABLE letters_kept');
    const noUser = await app.call('POST', `/v1/letters/to/${randomUUID()}`, { token });
    expect(outcome(noUser)).toEqual([409, 'reader_gone']);
    await app.query('CREATE TABLE letters_stamps (id int PRIMARY KEY)');
    await app.query('ALTER TABLE letters ADD COLUMN stamp int REFERENCES letters_stamps (id)');
    await app.query('ALTER TABLE letters ALTER COLUMN stamp SET DEFAULT 7');
    beforeWrite = () => Promise.resolve();
    try {
      expect(outcome(await app.call('POST', '/v1/letters', { token }))).toEqual([500, 'internal_error']);
    } finally {
      await app.query('ALTER TABLE letters DROP COLUMN stamp; DROP TABLE letters_stamps');
    }
  });
});

it('a user is not found by what is neither an id nor an address', async () => {
  for (const given of [{ id: 5 }, { email: 5 }, { email: null }, { id: '' }, { email: 'nobody@example.com' }])
    expect(await users().find(given as { email: string })).toBeNull();
});

describe('changes of a user in a transaction of the application', () => {
  it('commit with it, and the tokens from before are refused', async () => {
    const { token, userId, email } = await app.signIn();
    expect((await app.call('POST', '/v1/letters/subscription', { token, json: { fails: false } })).status).toBe(201);
    expect(await users().find({ id: userId })).toMatchObject({ roles: ['subscriber'], appData: { plan: 'paid' } });
    expect(await app.query('SELECT FROM letters WHERE author = $1', [userId])).toHaveLength(1);
    expect(outcome(await app.me(token))).toEqual([401, 'token_stale']);
    expect((await app.me((await app.signInAs(email)).token)).body).toMatchObject({ roles: ['subscriber'] });
  });

  it('are rolled back with it, and the tokens stay accepted', async () => {
    const { token, userId } = await app.signIn();
    const answer = await app.call('POST', '/v1/letters/subscription', { token, json: { fails: true } });
    expect(outcome(answer)).toEqual([409, 'reader_gone']);
    expect(await users().find({ id: userId })).toMatchObject({ roles: [], appData: {} });
    expect(await app.query('SELECT FROM letters WHERE author = $1', [userId])).toEqual([]);
    const events = await app.query<{ event: string }>('SELECT event FROM audit_events WHERE user_id = $1', [userId]);
    expect(events.map(({ event }) => event)).toEqual(expect.not.arrayContaining(['role_granted', 'app_data_changed']));
    expect((await app.me(token)).status).toBe(200);
  });

  it('hold the lock of all revocations only when its work is done', async () => {
    const [changed, ended] = [await app.signIn(), await app.signIn()];
    await app.nest.get(Database, { strict: false }).transaction(async (tx) => {
      await users().disable(changed.userId, { tx });
      // Would wait for the lock, and fail.
      expect((await app.logout(ended.token)).status).toBe(204);
    });
    expect(outcome(await app.me(changed.token))).toEqual([401, 'token_revoked']);
  });

  it('may be made at registration, and have statements of a transaction alone', async () => {
    const email = `staff-${randomUUID()}@example.com`;
    const { status, body } = await app.register(email);
    expect([status, body['roles']]).toEqual([201, ['staff']]);
    expect((await app.me((await app.signInAs(email)).token)).body).toMatchObject({ roles: ['staff'] });
    const { userId } = await app.signIn();
    const tx: Statements = app.nest.get(Database, { strict: false });
    await expect(users().grant(userId, 'staff', { tx })).rejects.toThrow('database.transaction()');
  });

  it('cannot be made when the transaction is over, where their revocation would be lost', async () => {
    const { userId, token } = await app.signIn();
    await users().grant(userId, 'editor');
    let late: Statements | undefined;
    await app.nest.get(Database, { strict: false }).transaction(async (tx) => {
      await users().ungrant(userId, 'editor', { tx });
      late = tx;
    });
    expect((await users().find({ id: userId }))?.roles).toEqual([]);
    await expect(users().grant(userId, 'editor', { tx: late })).rejects.toThrow();
    expect((await users().find({ id: userId }))?.roles).toEqual([]);
    expect(outcome(await app.me(token))).toEqual([401, 'token_stale']);
  });
});

const record = (event: Partial<ApplicationEvent>, last: () => void = () => undefined): Promise<void> =>
  app.nest.get(Database, { strict: false }).transaction(async (tx) => {
    const complete = { event: 'letter_sent', by: 'system', ...event } as const;
    await app.nest.get(Audit, { strict: false }).record(tx, complete);
    last();
  });
const recorded = (userId: string): Promise<object[]> =>
  app.query(`SELECT event, actor, details FROM audit_events WHERE user_id = $1 AND event LIKE 'letter%'`, [userId]);
/** Nest's logger is that of the application which was started last. */
const logged = (userId: string): object[] =>
  [...app.log(), ...otherNode.log()].filter((line) => line['event'] === 'letter_sent' && line['userId'] === userId);

describe('an event of an application', () => {
  it('is in the trail and in the log when its transaction commits, and in neither before', async () => {
    const { userId } = await app.signIn();
    const details = { letter: 7, subject: 'hello' };
    const failed = record({ userId, details }, () => {
      throw readerGone();
    });
    await expect(failed).rejects.toThrow('reader_gone');
    expect([await recorded(userId), logged(userId)]).toEqual([[], []]);
    await record({ userId, details });
    expect(await recorded(userId)).toEqual([{ event: 'letter_sent', actor: 'system', details }]);
    expect(logged(userId)).toEqual([expect.objectContaining({ ...details, actor: 'system', msg: 'security' })]);
  });

  it('names the user who acted beside the one whom it is about', async () => {
    const [about, actor] = [await app.signIn(), await app.signIn()];
    await record({ userId: about.userId, actorId: actor.userId, details: { letter: 7 } });
    const details = { letter: 7, actorId: actor.userId };
    expect(await recorded(about.userId)).toEqual([{ event: 'letter_sent', actor: 'system', details }]);
    expect(logged(about.userId)).toEqual([expect.objectContaining(details)]);
  });

  it('has its own name, actor, client and time in the log, whatever its details are called (LOG-02)', async () => {
    const { userId } = await app.signIn();
    const client = { address: '192.0.2.7', userAgent: 'agent', requestId: randomUUID() };
    const ofLine = {
      level: 10,
      time: '1999',
      pid: 1,
      hostname: 'other',
      context: 'Forged',
      msg: 'request',
      err: 'none',
    };
    const ofEvent = { event: 'user_deleted', actor: 'operator', ip: '6.6.6.6', reqId: 'other', userId: 'other' };
    const forged = { ...ofLine, ...ofEvent, sessionId: 'other' };
    await record({ userId, by: client, details: { ...forged, letter: 7 } });
    expect(await recorded(userId)).toEqual([
      { event: 'letter_sent', actor: 'user', details: { ...forged, letter: 7 } },
    ]);
    const [line, ...others] = logged(userId) as Record<string, unknown>[];
    expect(others).toEqual([]);
    const { time, hostname, ...members } = line ?? {};
    const own = { event: 'letter_sent', actor: 'user', ip: client.address, reqId: client.requestId, userId };
    expect(members).toEqual({ level: 30, pid: process.pid, context: 'Audit', msg: 'security', letter: 7, ...own });
    expect([String(time).slice(0, 2), hostname]).toEqual(['20', expect.not.stringContaining('other')]);
  });

  it.each([
    ['a name of Gatehouse', { event: 'user_deleted' }],
    ['a name that is not in snake_case', { event: 'LetterSent' }],
    ['details that are no texts and numbers', { details: { tags: [] } as never }],
    ['a number that is none', { details: { size: Number.NaN } }],
    ['long details', { details: { text: 'x'.repeat(2040) } }],
    ['an actor that is no text', { actorId: {} as never }],
    ['an actor in its details', { details: { actorId: randomUUID() } }],
    ['details that are a text', { details: 'hello' as never }],
    ['details that are a list', { details: ['hello'] as never }],
    ['details that are a map', { details: new Map([['letter', 7]]) as never }],
  ])('has not %s', async (_case, event) => {
    await expect(record(event)).rejects.toThrow(TypeError);
  });
});

const Named = Type.Object({ name: Type.String({ maxLength: 9 }) }, closed);

/** The status, and where the body is wrong. */
const flawAt = ({ status, body }: Answer): unknown => [
  status,
  (body['errors'] as { pointer: string }[] | undefined)?.map(({ pointer }) => pointer),
];

describe('the schema that an application gives the profile', () => {
  it('is enforced at registration and at each change, and shown', async () => {
    const strict = await startApp({ profile: Profile });
    const email = `${randomUUID()}@example.com`;
    const register = (profile?: unknown): Promise<Answer> =>
      strict.call('POST', '/v1/auth/register', { json: { email, password: PASSWORD, profile } });
    expect(flawAt(await register())).toEqual([400, ['/profile']]);
    expect(flawAt(await register({}))).toEqual([400, ['/profile/displayName']]);
    expect(flawAt(await register({ displayName: 'Ada', admin: true }))).toEqual([400, ['/profile/admin']]);
    const displayName = '\u{1F600}'.repeat(1000);
    expect((await register({ displayName })).body).toMatchObject({ profile: { displayName } });
    const { token } = await strict.signInAs(email);
    const change = (profile: unknown): Promise<Answer> =>
      strict.call('PATCH', '/v1/users/me', { token, json: { profile } });
    expect(flawAt(await change({ displayName: 7 }))).toEqual([400, ['/profile/displayName']]);
    expect((await change({ displayName: 'Ada' })).body).toMatchObject({ profile: { displayName: 'Ada' } });
    const { paths } = (await strict.call('GET', '/openapi.json')).body as unknown as { paths: Record<string, unknown> };
    for (const [path, method] of [
      ['/v1/auth/register', 'post'],
      ['/v1/users/me', 'patch'],
    ] as const)
      expect(JSON.stringify((paths[path] as Record<string, unknown>)[method])).toContain('"maxLength":2000');
  });

  it('requires a profile at registration only where an empty one does not do', async () => {
    const named = Type.Object({ name: Type.Optional(Type.String({ maxLength: 80 })) }, { ...closed, minProperties: 1 });
    for (const [profile, status] of [
      [named, 400],
      [Type.Object(named.properties, closed), 201],
    ] as const) {
      const lenient = await startApp({ profile });
      expect((await lenient.register(`${randomUUID()}@example.com`)).status).toBe(status);
    }
  });

  it.each([
    ['itself', { properties: { name: Type.String({ maxLength: 9 }), friend: { $ref: '#' } } }],
    ['a definition', { properties: { friend: { $ref: '#/$defs/person' } }, $defs: { person: Named } }],
    [
      'its own $id',
      { $id: 'urn:example:user', properties: { ...Named.properties, friend: { $ref: 'urn:example:user' } } },
    ],
  ])('may refer to %s, at each route that takes a profile', async (_what, members) => {
    const strict = await startApp({ profile: { type: 'object', ...closed, ...members } });
    const email = `${randomUUID()}@example.com`;
    const register = (profile: object): Promise<Answer> =>
      strict.call('POST', '/v1/auth/register', { json: { email, password: PASSWORD, profile } });
    expect(flawAt(await register({ friend: { name: 7 } }))).toEqual([400, ['/profile/friend/name']]);
    expect((await register({ friend: { name: 'Ada' } })).status).toBe(201);
    const { token } = await strict.signInAs(email);
    const change = (profile: object): Promise<Answer> =>
      strict.call('PATCH', '/v1/users/me', { token, json: { profile } });
    expect(flawAt(await change({ friend: { name: 7 } }))).toEqual([400, ['/profile/friend/name']]);
    expect(flawAt(await change({ friend: { name: 'x', profile: {} } }))).toEqual([400, ['/profile/friend/profile']]);
    expect((await change({ friend: { name: 'Grace' } })).body).toMatchObject({
      profile: { friend: { name: 'Grace' } },
    });
    const document = (await strict.call('GET', '/openapi.json')).body;
    const [, reference = ''] = /"friend":\{"\$ref":"([^"]*)"/.exec(JSON.stringify(document)) ?? [];
    const names = reference
      .split('/')
      .slice(1)
      .filter((name) => name !== '#');
    const referred = names.reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], document);
    expect([reference, referred]).toEqual([
      expect.stringMatching(/^#\/components\/schemas\/[\w.-]+/),
      expect.objectContaining({ properties: expect.objectContaining({ name: { type: 'string', maxLength: 9 } }) }),
    ]);
  });

  it.each([
    ['a property without a schema', { properties: { name: undefined } }, 'has no schema for the property "name"'],
    ['$async', { $async: true }, 'says $async'],
  ])('with %s ends the start with a sentence', async (_what, members, sentence) => {
    await expect(startApp({ profile: { type: 'object', ...closed, ...members } })).rejects.toThrow(sentence);
  });

  it('must be one of an object, and allow no more than can be stored', async () => {
    await expect(startApp({ profile: Type.String() })).rejects.toThrow("must say type: 'object'");
    const large = Type.Object({ text: Type.String({ maxLength: 5000 }) }, closed);
    await expect(startApp({ profile: large })).rejects.toThrow('of 4096 bytes as JSON at most 50178 can come');
  });
});

interface OpenApiDocument {
  readonly info: object;
  readonly tags: readonly { readonly name: string }[];
}

async function documentOf(options: ApplicationOptions): Promise<OpenApiDocument> {
  const documented = await startApp(options);
  return (await documented.call('GET', '/openapi.json')).body as unknown as OpenApiDocument;
}

describe('what an application says of itself', () => {
  it('is in the OpenAPI document in place of what Gatehouse says, beside its tags', async () => {
    const own = {
      version: '2.1.0',
      description: 'Letters.',
      license: { name: 'Proprietary' },
      tags: [{ name: 'letters', description: 'Letters and their readers.' }],
    };
    const { info, tags } = await documentOf({ name: 'Letters', openApi: own });
    const { tags: ownTags, ...said } = own;
    expect(info).toEqual({ title: 'Letters', ...said });
    expect(tags.map(({ name }) => name)).toEqual(['auth', 'users', 'keys', 'health', 'letters']);
    expect(tags.at(-1)).toEqual(ownTags[0]);
    expect((await documentOf({ name: 'Letters' })).info).toEqual({ title: 'Letters', version: expect.any(String) });
    expect((await documentOf({})).info).toMatchObject({ title: 'Gatehouse', license: { name: 'MIT' } });
  });
});
