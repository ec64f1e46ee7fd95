import { fastify } from 'fastify';
import { JwtService } from '@nestjs/jwt';
import pg from 'pg';
import { parseSettings } from '../../dist/config/read-settings.js';
import { requireMasterSecret } from '../../dist/config/setting-conflicts.js';
import { provideDatabase } from '../../dist/database/provide-database.js';
import { Prisma } from '../../dist/database/prisma.service.js';
import { RefreshTokenCodec } from '../../dist/sessions/refresh-token-codec.js';
import { SessionLimits } from '../../dist/sessions/session-limits.js';
import { RefreshTokensRepository } from '../../dist/sessions/refresh-tokens.repository.js';
import { AccessTokenIssuer } from '../../dist/tokens/access-token-issuer.js';
import { generateSigningKey, sharedSigningKey } from '../../dist/tokens/signing-key.js';
import { serveFastify } from './peer.ts';

/**
 * `POST /v1/auth/refresh` with the application's statement, codec and issuer, by `pg` and raw Fastify alone. Its
 * environment is that of the application; it has neither limits nor a log.
 */
const settings = parseSettings(JSON.parse(process.argv[3] ?? '{}') as Record<string, string>);
const config = requireMasterSecret((await provideDatabase(settings, 'app')).config);
const [secret] = config.jwtSecret ?? [];
const signingKey = secret === undefined ? await generateSigningKey('ES256') : sharedSigningKey(secret);
const tokens = new AccessTokenIssuer(config, new JwtService({}), { signingKey } as never);
const codec = new RefreshTokenCodec(config);

interface Row {
  readonly verdict: string;
  readonly userId: string;
  readonly email: string;
  readonly emailVerified: boolean;
  readonly roles: readonly string[];
  readonly version: number;
  readonly secondsLeft: number;
}

const pool = new pg.Pool({ connectionString: config.databaseUrl, max: config.databasePoolSize });
const { text, valuesOf } = await theStatement();

/** The text of the application's statement, and its values for a token. */
async function theStatement() {
  const [sessionId, counter] = ['the session', -1];
  let sql = Prisma.empty;
  const queryPrepared = async (given: Prisma.Sql): Promise<object[]> => {
    sql = given;
    return [];
  };
  await new RefreshTokensRepository(config, { queryPrepared } as never, new SessionLimits(config)).exchangeRefreshToken(
    {
      sessionId,
      counter,
    },
  );
  const { text: statement, values: of } = sql;
  const valuesFor = (token: { sessionId: string; counter: number }): unknown[] =>
    of.map((value) => (value === sessionId ? token.sessionId : value === counter ? token.counter : value));
  return { text: statement, valuesOf: valuesFor };
}

const body = {
  type: 'object',
  required: ['refresh_token'],
  additionalProperties: false,
  properties: { refresh_token: { type: 'string', minLength: 1, maxLength: 1024 } },
};
const members = ['access_token', 'token_type', 'expires_in', 'refresh_token'];
const answer = {
  type: 'object',
  required: members,
  properties: Object.fromEntries(members.map((name) => [name, { type: name === 'expires_in' ? 'integer' : 'string' }])),
};

const app = fastify();
app.addHook('onClose', () => pool.end());
app.post<{ Body: { refresh_token: string } }>(
  '/v1/auth/refresh',
  { schema: { body, response: { 200: answer } } },
  async (request, reply) => {
    const token = codec.decodeRefreshToken(request.body.refresh_token);
    if (token === undefined) return reply.code(401).send();
    const { rows } = await pool.query<Row>({ name: 'refresh', text, values: valuesOf(token) });
    const [row] = rows;
    if (row?.verdict !== 'advance' && row?.verdict !== 'replay') return reply.code(401).send();
    const { sessionId, counter } = token;
    const { userId: id, email, emailVerified, roles, version } = row;
    const user = { id, email, emailVerified, roles, version };
    const { accessToken, expiresInSeconds } = tokens.issueAccessToken(user, sessionId, row.secondsLeft);
    return {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: expiresInSeconds,
      refresh_token: codec.encodeRefreshToken({ sessionId, counter: counter + 1 }),
    };
  },
);
await serveFastify(app);
