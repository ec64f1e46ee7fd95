/** What is wrong with a token, for the log and for tests; the caller of an API learns only `invalid_token`. */
export type TokenErrorCode =
  | 'malformed'
  | 'header'
  | 'unknown_key'
  | 'signature'
  | 'claims'
  | 'expired'
  | 'not_yet_valid';

/** The only error that verifying a token throws. The message names the rule and never repeats the token. */
export class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(
    readonly code: TokenErrorCode,
    reason: string,
  ) {
    const { stackTraceLimit } = Error;
    // The reason says it all, and a flood of forgeries need not pay for where it was found.
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
