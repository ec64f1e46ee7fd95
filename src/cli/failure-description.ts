import { operatorCommand } from '../config/operator-commands.js';
import { SettingsError } from '../config/read-settings.js';
import { thrownText } from '../config/thrown-text.js';
import { readOnlyMessage } from '../database/connection-error-messages.js';
import { translateDatabaseError } from '../database/database-errors.js';
import { Problem } from '../problems/problem.js';

const DEEPEST_CAUSE = 6;

/** What a command failed with, for the operator: no stack trace and no code of a library. */
export function describeFailure(error: unknown): string {
  if (error instanceof SettingsError) return `The settings are not usable: ${error.problems.join('; ')}`;
  if (error instanceof Problem && error.kind.code === 'user_not_found') {
    return `${error.detail} \`${operatorCommand('users', 'list')}\` lists them.`;
  }
  if (error instanceof Problem && error.kind.code === 'user_in_use') {
    return `The user cannot be deleted: ${reasonOf(error.cause)}. Delete those rows first, or give the foreign key ON DELETE CASCADE.`;
  }
  if (error instanceof Problem && error.kind.status < 500) return error.detail;
  if (isOfDatabase(error)) {
    const reason = reasonOf(error);
    if (reason.endsWith(' in a read-only transaction')) return readOnlyMessage('The database', reason);
    return `The database failed while the command ran: ${reason}. It was possibly not done: run it again.`;
  }
  if (error instanceof Problem) {
    return error.cause === undefined ? error.detail : `The command failed: ${reasonOf(error.cause)}.`;
  }
  return thrownText(error);
}

function isOfDatabase(error: unknown): boolean {
  if (error instanceof Problem) return isOfDatabase(error.cause) || translateDatabaseError(error.cause) !== undefined;
  return error instanceof Error && error.name.startsWith('PrismaClient');
}

/** What PostgreSQL or the network said: the innermost message, since Prisma and the services wrap it. */
function reasonOf(error: unknown): string {
  let reason = '';
  for (let link = error, depth = 0; link instanceof Object && depth < DEEPEST_CAUSE; link = causeOf(link), depth++) {
    const said: unknown = Reflect.get(link, 'originalMessage') ?? Reflect.get(link, 'message');
    // Prisma shows its call first and the reason in the last line.
    if (typeof said === 'string') reason = said.trim().split('\n').at(-1) ?? reason;
  }
  return reason.replace(/\.$/, '');
}

function causeOf(error: object): unknown {
  const meta: unknown = Reflect.get(error, 'meta');
  return Reflect.get(error, 'cause') ?? (meta instanceof Object ? Reflect.get(meta, 'driverAdapterError') : undefined);
}
