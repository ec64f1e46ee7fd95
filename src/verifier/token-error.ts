/** What is wrong with a token, for logs and tests. The client gets only `invalid_token`. */
export type TokenErrorCode =
  | 'malformed'
  | 'header'
  | 'unknown_key'
  | 'signature'
  | 'claims'
  | 'expired'
  | 'not_yet_valid';

/**
 * Why a token is refused. The message names the rule and never quotes the token. Everything in `verifier/` returns it
 * instead of throwing it: V8 does not optimise a function that always ends in a throw, so that a flood of refused
 * tokens would run in the interpreter (bench `refusals`).
 */
export class TokenError extends Error {
  override readonly name = 'TokenError';

  constructor(
    readonly code: TokenErrorCode,
    reason: string,
  ) {
    const { stackTraceLimit } = Error;
    // Without a stack trace: the reason is enough, and a flood of forged tokens stays cheap.
    Error.stackTraceLimit = 0;
    super(reason);
    Error.stackTraceLimit = stackTraceLimit;
  }
}
