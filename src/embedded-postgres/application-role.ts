/** The application's role, and its database. (Every server also has the maintenance database `postgres`.) */
export const APPLICATION_ROLE = 'gatehouse';
