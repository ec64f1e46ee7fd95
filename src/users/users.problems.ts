import { BEARER_CHALLENGE } from '../problems/bearer-challenge.js';
import { defineOwnProblem } from '../problems/problem.js';

/** 409: the address is registered already; case is ignored. */
export const emailTaken = defineOwnProblem({
  code: 'email_taken',
  status: 409,
  detail: 'This address is already registered.',
});

/** 401: unknown address, wrong password or disabled user. The response does not tell which. */
export const credentialsInvalid = defineOwnProblem({
  code: 'credentials_invalid',
  status: 401,
  detail: 'The address or the password is wrong.',
  headers: { 'www-authenticate': BEARER_CHALLENGE },
});

/** 409: a table of the application has rows of the user, and its foreign key does not cascade. */
export const userInUse = defineOwnProblem({
  code: 'user_in_use',
  status: 409,
  detail: 'The account cannot be deleted while it has data that forbids it.',
});

/** 404: there is no such user; with a valid token: the user has been deleted. */
export const userNotFound = defineOwnProblem({ code: 'user_not_found', status: 404, detail: 'There is no such user.' });

/** 403: nobody can register (`REGISTRATION=closed`). */
export const registrationClosed = defineOwnProblem({
  code: 'registration_closed',
  status: 403,
  detail: 'Nobody can register here. Ask the people who operate the service for an invitation.',
});
