/** The application's role, and its database. (Every server also has the maintenance database `postgres`.) */
export const APPLICATION_ROLE = 'gatehouse';

/**
 * Create the role and its database; one statement per line. The role's errors are logged without DETAIL and STATEMENT,
 * which contain personal data.
 */
export function roleStatements(password: string): string {
  return [
    `CREATE ROLE ${APPLICATION_ROLE} LOGIN CREATEDB PASSWORD '${password}'`,
    `ALTER ROLE ${APPLICATION_ROLE} SET log_error_verbosity TO terse`,
    `ALTER ROLE ${APPLICATION_ROLE} SET log_min_error_statement TO panic`,
    `CREATE DATABASE ${APPLICATION_ROLE} OWNER ${APPLICATION_ROLE}`,
    '',
  ].join('\n');
}
