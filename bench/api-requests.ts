/** A request of the API, apart from the server, the connection and the client's IP address. */
export interface ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The expected status. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Credentials {
  readonly email: string;
  readonly password: string;
  /** From the last login on this device. */
  readonly deviceToken?: string | undefined;
}

/** The members of the answer to a login; a refresh answers without a device token. */
export interface TokenAnswer {
  readonly access_token: string;
  readonly refresh_token: string;
  readonly deviceToken?: string;
}

export const me = (token: string, status = 200): ApiRequest => get('/v1/auth/me', token, status);

export const listSessions = (token: string): ApiRequest => get('/v1/auth/sessions', token, 200);

export const logIn = (credentials: Credentials, status = 200): ApiRequest =>
  post('/v1/auth/login', status, { json: credentials });

export const refresh = (refreshToken: string): ApiRequest =>
  post('/v1/auth/refresh', 200, { json: { refresh_token: refreshToken } });

export const logOut = (token: string): ApiRequest => post('/v1/auth/logout', 204, { token });

export const register = ({ email, password }: Credentials): ApiRequest =>
  post('/v1/auth/register', 201, { json: { email, password } });

export const changePassword = (token: string, currentPassword: string, newPassword: string): ApiRequest =>
  post('/v1/users/me/password', 204, { token, json: { currentPassword, newPassword } });

export const deleteAccount = (token: string, currentPassword: string): ApiRequest =>
  post('/v1/users/me/deletion', 204, { token, json: { currentPassword } });

/** The IP address of a simulated client behind the trusted proxy; each number has its own. */
export const forwardedFor = (client: number): Readonly<Record<string, string>> => ({
  'x-forwarded-for': `10.${(client >> 16) & 255}.${(client >> 8) & 255}.${client & 255}`,
});

function get(path: string, token: string, status: number): ApiRequest {
  return { method: 'GET', path, status, headers: { authorization: `Bearer ${token}` } };
}

function post(path: string, status: number, { token, json }: { token?: string; json?: object }): ApiRequest {
  const headers = {
    ...(json !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return { method: 'POST', path, status, headers, ...(json !== undefined && { body: JSON.stringify(json) }) };
}
