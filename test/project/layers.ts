import { readdirSync } from 'node:fs';

/**
 * From the top. Imports go to lower layers or stay in the module; modules of one layer do not import each
 * other. A folder that is not listed is a feature of an application that builds on this one: it is above all of
 * these except the command line.
 */
export const LAYERS = [
  ['cli'],
  ['account', 'auth', 'account-pages', 'health', 'metrics'],
  ['users'],
  ['access'],
  ['sessions', 'rate-limits'],
  ['revocation'],
  ['tokens'],
  ['passwords'],
  ['mail'],
  ['one-time-tokens'],
  ['audit'],
  ['jobs'],
  ['database'],
  ['embedded-postgres'],
  ['secrets'],
  ['openapi'],
  ['http'],
  ['verifier'],
  ['logging'],
  ['problems'],
  ['workers'],
  ['config'],
];

/** The folders of `src` that are part of Gatehouse. */
export const MODULES = LAYERS.flat();

/** The files of Gatehouse in `src`, without the modules of an application that builds on it, the tests and what is generated. */
export function ourSources(): string[] {
  return readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (file) =>
      /(?<!\.test)\.ts$/.test(file) &&
      !file.includes('generated/') &&
      (!file.includes('/') || MODULES.includes(file.slice(0, file.indexOf('/')))),
  );
}
