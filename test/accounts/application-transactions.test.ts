import { Controller, Module, Param, Post } from '@nestjs/common';
import { RouteSchema } from '@nestjs/platform-fastify';
import { randomUUID } from 'node:crypto';
import { Type } from 'typebox';
import { beforeAll, describe, expect, it } from 'vitest';
import { Public } from '../../src/access/route-access.decorators.js';
import { Database, type Statements } from '../../src/database/database.js';
import { Audit } from '../../src/audit/audit.js';
import type { RegisteredUser } from '../../src/users/application-hooks.js';
import { InvitationsService } from '../../src/account/invitations.service.js';
import { afterAllTests, PASSWORD, startApp, type Answer, type TestApp } from '../support/app.js';
import { MailboxApp } from '../support/mailbox.js';

const never = Promise.withResolvers<never>().promise;

/** A tagged template without a placeholder, whose backslashes are those of SQL. */
const textOf = (text: string): TemplateStringsArray => Object.assign([text], { raw: [text] });

/** What the work of an application does in a transaction, by name. */
const WORK: Readonly<Record<string, (tx: Statements) => unknown>> = {
  'commits and throws': async (tx) => {
    await tx.execute`COMMIT`;
    throw new Error('after the commit');
  },
  'commits as one of two statements': (tx) => tx.execute`SELECT 1; COMMIT`,
  'commits in a text of several statements that is not seen through': (tx) => tx.execute`SELECT $a$;$a$; COMMIT`,
  'commits between texts with escapes': (tx) => tx.execute(textOf(String.raw`SELECT E'\'', 1; COMMIT; SELECT ''`)),
  'commits behind a comment in a comment': (tx) => tx.execute`SELECT /* /* */ --*/ 1; COMMIT`,
  'rolls back': (tx) => tx.execute`-- undo
    /* all */ rollback work`,
  'rolls back and begins another': async (tx) => {
    await tx.execute`SELECT $a$;$a$; ROLLBACK`;
    await tx.execute`SELECT $a$;$a$; BEGIN`;
  },
  'goes on in another by a chain': (tx) => tx.execute`SELECT $a$;$a$; COMMIT AND CHAIN`,
  'catches the error of a statement': async (tx) => {
    await tx.execute`SELECT 1 / 0`.catch(() => undefined);
  },
  'begins another': (tx) => tx.execute`BEGIN`,
  'prepares to commit in two phases': (tx) => tx.execute`PREPARE TRANSACTION 'other'`,
};
const REFUSED = Object.keys(WORK);
const ALLOWED: typeof WORK = {
  'undoes a part': async (tx) => {
    await tx.execute`SAVEPOINT before`;
    await tx.execute`SELECT 1 / 0`.catch(() => undefined);
    await tx.execute`ROLLBACK TO SAVEPOINT before`;
    await tx.execute`INSERT INTO done VALUES ('; commit')`;
    await tx.query(textOf(String.raw`SELECT E'\'; COMMIT; SELECT '`));
  },
  'does not wait for a statement': (tx) => {
    void tx.execute`INSERT INTO done VALUES ('unawaited')`;
    return tx.query`SELECT CASE WHEN true THEN 'commit; rollback' END AS "begin;"`;
  },
};

@Controller('v1/work')
class WorkController {
  constructor(private readonly database: Database) {}

  @Post(':name')
  @Public()
  @RouteSchema({ params: Type.Object({ name: Type.String() }, { additionalProperties: false }) })
  async work(@Param() { name }: { name: string }): Promise<object> {
    await this.database.transaction(async (tx) => {
      await tx.execute`INSERT INTO done VALUES (${name})`;
      if (name === 'never ends') await never;
      await (WORK[name] ?? ALLOWED[name])?.(tx);
    });
    return {};
  }
}

@Module({ controllers: [WorkController] })
class WorkModule {}

/** By the address: its local part has at most 64 characters. */
const NAMES = [...Object.keys({ ...WORK, ...ALLOWED }), 'deletes', 'never ends'];
const emailOf = (name: string): string => `work-${NAMES.indexOf(name)}.${randomUUID()}@example.com`;
async function onRegistered(tx: Statements, { id, email }: RegisteredUser): Promise<void> {
  const name = NAMES[Number(/^work-(\d+)/.exec(email)?.[1])] ?? '';
  if (name === 'deletes') await tx.execute`DELETE FROM users WHERE id = ${id}::uuid`;
  if (name === 'never ends') await never;
  await { ...WORK, ...ALLOWED }[name]?.(tx);
}

const changes = { databaseStatementTimeoutMs: 500, databaseLockTimeoutMs: 300 };
let app: TestApp;
const onFinished = afterAllTests();
beforeAll(async () => {
  app = await startApp({ features: [WorkModule], onRegistered, changes }, onFinished);
  await app.query('CREATE TABLE done (text text)');
});

const outcome = ({ status, body }: Answer): unknown => [status, body['code']];
const work = (name: string): Promise<Answer> => app.call('POST', `/v1/work/${encodeURIComponent(name)}`);
const usersWith = (email: string): Promise<object[]> => app.query('SELECT FROM users WHERE email = $1', [email]);
const messages = (): unknown[] =>
  app.log().flatMap(({ level, err }) => (level === 50 ? [(err as { message: string }).message] : []));
const WHAT_TO_DO =
  /is refused: (?:database\.transaction\(\)|it may hide a statement)|has ended the transaction|its error was caught/;

describe('the work of a transaction that', () => {
  it.each(REFUSED)('%s is 500 and leaves nothing half done, and the log says what to do', async (name) => {
    expect(outcome(await work(name))).toEqual([500, 'internal_error']);
    expect(messages().at(-1)).toMatch(WHAT_TO_DO);
    // Only where several statements hide it, what came before it stays.
    if (!name.includes('not seen through') && !name.includes('another'))
      expect(await app.query('SELECT FROM done WHERE text = $1', [name])).toEqual([]);
  });

  it.each(REFUSED)('%s makes a registration 500', async (name) => {
    const email = emailOf(name);
    expect(outcome(await app.register(email))).toEqual([500, 'internal_error']);
    expect(messages().at(-1)).toMatch(WHAT_TO_DO);
    if (!name.includes('not seen through') && !name.includes('another')) expect(await usersWith(email)).toEqual([]);
  });

  it.each(Object.keys(ALLOWED))('%s is done', async (name) => {
    expect((await work(name)).status).toBe(201);
    expect(await app.query('SELECT FROM done WHERE text = $1', [name])).toHaveLength(1);
    expect((await app.register(emailOf(name))).status).toBe(201);
  });

  it('never ends is answered 503 when its time is over, and holds up nothing', async () => {
    const email = emailOf('never ends');
    const started = performance.now();
    const answers = await Promise.all([work('never ends'), app.register(email)]);
    expect(answers.map(outcome)).toEqual([1, 2].map(() => [503, 'service_unavailable']));
    expect(performance.now() - started).toBeLessThan(5000);
    expect(await usersWith(email)).toEqual([]);
    expect(messages().slice(-2)).toEqual([1, 2].map(() => expect.stringContaining('has not ended within 800 ms')));
  });
});

it('onRegistered that deletes the user is 500, and there is no user and no event', async () => {
  const email = emailOf('deletes');
  expect(outcome(await app.register(email))).toEqual([500, 'internal_error']);
  expect(messages().at(-1)).toContain('onRegistered has deleted the user');
  expect(await usersWith(email)).toEqual([]);
});

it('onRegistered that ends the transaction leaves an invitation as it was', async () => {
  const mailbox = await MailboxApp.start({ onRegistered });
  const invited = emailOf('rolls back');
  await mailbox.app.nest.get(InvitationsService, { strict: false }).inviteUser(invited);
  const { token } = await mailbox.newestLetter(invited);
  const json = { token, password: PASSWORD };
  expect(outcome(await mailbox.app.call('POST', '/v1/auth/invitation/accept', { json }))).toEqual([
    500,
    'internal_error',
  ]);
  expect((await mailbox.app.login(invited)).status).toBe(401);
});

const database = (): Database => app.nest.get(Database, { strict: false });

describe('a statement of an application', () => {
  it.each(['BEGIN', 'start transaction', 'COMMIT', 'end', 'ABORT', 'ROLLBACK', 'COMMIT PREPARED'])(
    'outside of a transaction cannot be %s, which would stay on the connection',
    async (text) => {
      await expect(database().execute(textOf(text))).rejects.toThrow('is refused: database.transaction()');
      await expect(database().query(textOf(text))).rejects.toThrow('is refused: database.transaction()');
    },
  );

  it('runs also where nobody waits for it', async () => {
    void database().execute`INSERT INTO done VALUES ('nobody waits')`;
    await expect.poll(() => app.query(`SELECT FROM done WHERE text = 'nobody waits'`)).toHaveLength(1);
  });

  it('is a tagged template', async () => {
    await expect(database().query('SELECT 1' as never)).rejects.toThrow('is a tagged template');
  });

  it('of an event is written only in a transaction', async () => {
    const audit = app.nest.get(Audit, { strict: false });
    await expect(audit.record(database(), { event: 'done', by: 'system' })).rejects.toThrow('database.transaction()');
  });
});
