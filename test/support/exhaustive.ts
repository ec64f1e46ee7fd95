/** Whether `npm run test:faults` runs, which may take minutes. */
export const IS_EXHAUSTIVE = process.env['FAULT_SECONDS'] !== undefined;

/** All cases with `FAULT_SECONDS`, otherwise those that differ most. */
export function casesOf<Case>(all: readonly Case[], differing: readonly Case[]): readonly Case[] {
  return IS_EXHAUSTIVE ? all : differing;
}
