/** What the OpenAPI document says of an application besides its name. */
export interface OpenApiInfo {
  /** Of your API. Without it the document has the version of Gatehouse. */
  readonly version?: string;
  readonly description?: string;
  /** Of your API: a name with an SPDX identifier or a URL. */
  readonly license?: { readonly name: string; readonly identifier?: string; readonly url?: string };
  /** Of your routes, to be shown after those of Gatehouse. */
  readonly tags?: readonly { readonly name: string; readonly description: string }[];
}

const TAGS = [
  { name: 'auth', description: 'Register, log in, refresh, log out, sessions, and who a token says you are.' },
  { name: 'users', description: 'The users themselves.' },
  { name: 'keys', description: 'What others need to verify tokens.' },
  { name: 'health', description: 'Whether the service is up.' },
];

/** Of Gatehouse without an application. */
const GATEHOUSE: OpenApiInfo = {
  description: 'Users and tokens: register, log in, refresh, log out, and call guarded routes.',
  license: { name: 'MIT', identifier: 'MIT' },
};

interface NamedApplication {
  readonly name?: string;
  readonly openApi?: OpenApiInfo;
}

/** What the document says of an application, or of Gatehouse where it has no name. */
export function openApiInfo(
  version: string,
  { name, openApi = name === undefined ? GATEHOUSE : {} }: NamedApplication,
) {
  return { title: name ?? 'Gatehouse', version, ...openApi, tags: [...TAGS, ...(openApi.tags ?? [])] };
}
