import { existsSync, realpathSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE_FOLDER = fileURLToPath(new URL('../../', import.meta.url));
const PROGRAM_FILE = join(PACKAGE_FOLDER, 'dist/cli/gatehouse.js');

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
  mail: 'npm run mail',
} as const;

export type OperatorCommand = keyof typeof NPM_SCRIPTS;

/** Whether the package is a checkout, whose npm scripts work: an image or an installed package has no build script. */
export const isCheckout = existsSync(join(PACKAGE_FOLDER, '.config/build.mjs'));

/**
 * The program as the operator can run it here, for messages. In a checkout and in a project that has the package,
 * never `npx gatehouse`: on npm the bare name belongs to another package.
 */
export const operatorProgram = findProgram();

/** A command as the operator can run it here, for messages: the npm script in a checkout, the program elsewhere. */
export function operatorCommand(command: OperatorCommand, args = ''): string {
  if (!isCheckout) return [operatorProgram, command, args].join(' ').trimEnd();
  const script = NPM_SCRIPTS[command];
  if (/^\[[^[]*\]$/.test(args)) return `${script} [-- ${args.slice(1)}`;
  return args === '' ? script : `${script} -- ${args}`;
}

/** A command of the Prisma CLI, which only a checkout has, and where the operator can run it, for messages. */
export function prismaCommand(args: string): string {
  const command = `\`npx prisma ${args}\``;
  return isCheckout ? command : `${command} in a checkout of the same version, with this DATABASE_URL`;
}

/** The error of a command that makes no embedded database. */
export function embeddedDatabaseMissing(dataDir: string): Error {
  return new Error(
    `The embedded database in ${dataDir} (DATA_DIR) has not been created yet: start the service once (\`${operatorCommand('start')}\`), or run \`${operatorCommand('migrate')}\`.`,
  );
}

function findProgram(): string {
  // Before the PATH, to which npx adds the folder of the project's commands.
  if (isCheckout || /[\\/]node_modules[\\/]/.test(PACKAGE_FOLDER)) return 'npx --no-install gatehouse';
  return isOnPath() ? 'gatehouse' : `node ${PROGRAM_FILE}`;
}

/** Whether a shell finds `gatehouse` and it is this package's: so it is in the image. */
function isOnPath(): boolean {
  const files = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, 'gatehouse'));
  const found = files.find((file) => existsSync(file));
  return found !== undefined && realpathSync(found) === PROGRAM_FILE;
}
