/** Of the users that tests make. */
export const PASSWORD = 'a long enough passphrase';

/**
 * Far below the lowest cost that the settings allow: hashing takes most of a test's time otherwise. A long queue time, so that a
 * slow machine sheds nothing.
 */
export const CHEAP_HASH = { argon2MemoryKib: 8, argon2Passes: 1, argon2Lanes: 1, hashQueueMilliseconds: 60_000 };

export interface TestRequest {
  readonly token?: string;
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestResponse {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the response, of which a missing member is undefined; `{}` without a body. */
  readonly body: Record<string, unknown>;
}

/** Sends a request with an access token, a JSON body, or both. */
export async function sendRequest(
  url: string,
  method: string,
  { token, json, headers }: TestRequest = {},
): Promise<TestResponse> {
  const response = await fetch(url, {
    method,
    headers: {
      ...(json === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(json === undefined ? {} : { body: JSON.stringify(json) }),
  });
  const text = await response.text();
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, headers: response.headers, body };
}
