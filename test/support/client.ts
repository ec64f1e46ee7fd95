import { randomUUID } from 'node:crypto';
import { PASSWORD, sendRequest, type TestRequest, type TestResponse } from '../../src/testing-requests.js';
import { expectNoSecret, registerSecretsOf } from './secret-detection.js';

export { PASSWORD };
export type Answer = TestResponse;

/** A user's tokens from a login or refresh response. */
export interface Tokens {
  readonly token: string;
  readonly refreshToken: string;
}

export interface SignedIn extends Tokens {
  readonly email: string;
  readonly userId: string;
  readonly sessionId: string;
}

/** A REST client of one base URL. */
export class Client {
  constructor(readonly url: string) {}

  async call(method: string, path: string, request: TestRequest = {}): Promise<Answer> {
    registerSecretsOf(request.json);
    const answer = await sendRequest(`${this.url}${path}`, method, request);
    if (answer.status >= 300) expectNoSecret(JSON.stringify(answer.body));
    return answer;
  }

  register(email: string, password = PASSWORD): Promise<Answer> {
    return this.call('POST', '/v1/auth/register', { json: { email, password } });
  }

  login(email: string, password = PASSWORD): Promise<Answer> {
    return this.call('POST', '/v1/auth/login', { json: { email, password } });
  }

  refresh(refreshToken: string): Promise<Answer> {
    return this.call('POST', '/v1/auth/refresh', { json: { refresh_token: refreshToken } });
  }

  logout(token: string, scope?: string): Promise<Answer> {
    return this.call('POST', `/v1/auth/logout${scope === undefined ? '' : `?scope=${scope}`}`, { token });
  }

  me(token: string): Promise<Answer> {
    return this.call('GET', '/v1/auth/me', { token });
  }

  /** Starts another session of a user. */
  async signInAs(email: string, password = PASSWORD): Promise<SignedIn> {
    const { token, refreshToken } = tokensOf(await this.login(email, password));
    const { sub: userId, sid: sessionId } = claimsOf(token);
    return { email, token, refreshToken, userId: String(userId), sessionId: String(sessionId) };
  }

  /** Registers a user and starts a session. */
  async signIn(): Promise<SignedIn> {
    const email = `${randomUUID()}@example.com`;
    await this.register(email);
    return this.signInAs(email);
  }
}

export function tokensOf({ body }: Pick<Answer, 'body'>): Tokens {
  return { token: String(body['access_token']), refreshToken: String(body['refresh_token']) };
}

/** The claims of an access token, without verification. */
export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}
