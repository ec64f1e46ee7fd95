/** The command line is wrong: `bench/run.ts` prints the message alone, without a stack trace. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
