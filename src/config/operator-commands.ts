import { existsSync } from 'node:fs';

const PACKAGE_FOLDER = new URL('../../', import.meta.url);

/** Each command of the command line, and the npm script that builds and then runs it. */
const NPM_SCRIPTS = {
  start: 'npm start',
  migrate: 'npm run db:migrate',
  'migrate:new': 'npm run db:migrate:new',
  seed: 'npm run db:seed',
  reset: 'npm run db:reset',
  'after-restore': 'npm run after-restore',
  users: 'npm run users',
  keys: 'npm run keys',
  events: 'npm run events',
} as const;

export type OperatorCommand = keyof typeof NPM_SCRIPTS;

/** Whether the package is a checkout, whose npm scripts work: an image or an installed package has no build script. */
export const isCheckout = existsSync(new URL('.config/build.mjs', PACKAGE_FOLDER));

/** A command as the operator can run it here, for messages: the npm script in a checkout, `gatehouse …` elsewhere. */
export function operatorCommand(command: OperatorCommand, args = ''): string {
  if (!isCheckout) return ['gatehouse', command, args].join(' ').trimEnd();
  const script = NPM_SCRIPTS[command];
  if (/^\[[^[]*\]$/.test(args)) return `${script} [-- ${args.slice(1)}`;
  return args === '' ? script : `${script} -- ${args}`;
}
