import { defineOwnProblem } from '../problems/problem.js';

/** 400: no link of this service, of another purpose, used already, or ended by something else. */
export const mailTokenInvalid = defineOwnProblem({
  code: 'mail_token_invalid',
  status: 400,
  detail: 'The link is not valid any more. Ask for a new one.',
});

/** 400: the link was not used in time. */
export const mailTokenExpired = defineOwnProblem({
  code: 'mail_token_expired',
  status: 400,
  detail: 'The link has expired. Ask for a new one.',
});
