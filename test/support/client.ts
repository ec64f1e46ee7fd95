import { randomUUID } from 'node:crypto';
import { expectNoSecret, registerSecretsOf } from './secret-detection.js';

export const PASSWORD = 'a long enough passphrase';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // The tests assert on members; a missing member is undefined.
  readonly body: Record<string, unknown>;
}

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

  async call(
    method: string,
    path: string,
    options: { token?: string; json?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const { token, json, headers = {} } = options;
    registerSecretsOf(json);
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(json === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    });
    const text = await response.text();
    if (!response.ok) expectNoSecret(text);
    const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, body };
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
