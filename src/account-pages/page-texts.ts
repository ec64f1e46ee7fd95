import type { AccountPage } from '../config/account-pages.js';
import type { Config } from '../config/config.js';

/** One text, or one for each `REGISTRATION`. */
export type Advice = string | Readonly<Record<Config['registration'], string>>;

/** The texts of one page. */
interface PageText {
  readonly title: string;
  readonly introduction: string;
  /** Label of the password, on a page that asks for one. */
  readonly password?: string;
  readonly button: string;
  /** What is now so, after it succeeded. */
  readonly done: string;
  /** What to do when the link cannot be used; follows the reason. */
  readonly newLink: Advice;
  /** How to learn whether it was done, and what to do if not; follows `perhaps_done`. */
  readonly perhapsDone: Advice;
}

/** By the `code` of the answer; the last ones are of the page itself. */
export type MessageName =
  | 'mail_token_invalid'
  | 'mail_token_expired'
  | 'email_taken'
  | 'credentials_invalid'
  | 'password_too_short'
  | 'password_too_long'
  | 'password_common'
  | 'password_contextual'
  | 'too_many_attempts'
  | 'service_unavailable'
  /** `mail_token_invalid` after an attempt whose result is not known. */
  | 'perhaps_done'
  | 'link_missing'
  | 'password_missing'
  | 'no_answer'
  | 'other';

/** After these there is nothing left to send. */
export const FINAL_MESSAGES: readonly MessageName[] = [
  'mail_token_invalid',
  'mail_token_expired',
  'email_taken',
  'perhaps_done',
  'link_missing',
];

/** These are about the password that was typed. */
export const PASSWORD_MESSAGES: readonly MessageName[] = [
  'credentials_invalid',
  'password_too_short',
  'password_too_long',
  'password_common',
  'password_contextual',
  'password_missing',
];

/**
 * All texts of one language. `{{service}}`, `{{minLength}}` and `{{maxLength}}` are filled in at the start, and `{{wait}}` in the browser.
 */
export interface PageTexts {
  readonly pages: Readonly<Record<AccountPage, PageText>>;
  readonly messages: Readonly<Record<MessageName, string>>;
  /** `{{wait}}` of an answer that does not say how long. */
  readonly later: string;
  readonly passwordRule: string;
  readonly showPassword: string;
  /** On the button, until the answer is here. */
  readonly sending: string;
  readonly back: string;
  readonly noScript: string;
}
