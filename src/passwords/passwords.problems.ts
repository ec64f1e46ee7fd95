import { requestMalformed, serviceUnavailable } from '../problems/http-status.problems.js';
import { defineOwnProblem, type Problem, type ProblemFactory } from '../problems/problem.js';

/** 422: fewer code points than `PASSWORD_MIN_LENGTH`; `detail` says how many are needed. */
export const passwordTooShort = defineOwnProblem({
  code: 'password_too_short',
  status: 422,
  detail: 'The password is too short.',
});

/** {@link passwordTooShort} that says how many characters are needed. */
export function passwordShorterThan(minLength: number): Problem {
  return passwordTooShort({ detail: `Use at least ${minLength} characters; a few words in a row will do.` });
}

/** 422: more than 256 code points. The password is refused, never cut. */
export const passwordTooLong = defineOwnProblem({
  code: 'password_too_long',
  status: 422,
  detail: 'The password is longer than 256 characters.',
});

/** 422: one of the passwords that attackers try first. */
export const passwordCommon = defineOwnProblem({
  code: 'password_common',
  status: 422,
  detail: 'This password is among those that are guessed first. Choose another.',
});

/** 422: derived from the service's name or the user's address. */
export const passwordContextual = defineOwnProblem({
  code: 'password_contextual',
  status: 422,
  detail: 'This password is made of your address or the name of this service. Choose another.',
});

/** 400 `request_malformed`: lone surrogates. */
export function passwordIllFormed(): Problem {
  return requestMalformed({ detail: 'The password is not well-formed Unicode.' });
}

/** The problems of `PasswordPolicy.checkPassword`, for routes that take a new password. */
export const passwordProblems: readonly ProblemFactory[] = [
  passwordTooShort,
  passwordTooLong,
  passwordCommon,
  passwordContextual,
];

/**
 * 503 `service_unavailable`: the hash threads are overloaded; `Retry-After` is the expected wait in whole seconds. Not
 * logged for each request.
 */
export function hashShed(expectedWaitMs: number): Problem {
  const seconds = Math.max(1, Math.ceil(expectedWaitMs / 1000));
  return serviceUnavailable({ headers: { 'retry-after': String(seconds) }, isAlreadyLogged: true });
}
