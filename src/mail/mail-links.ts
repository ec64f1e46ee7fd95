import { accountPageUrl, type AccountPage } from '../config/account-pages.js';
import type { Config } from '../config/config.js';
import type { Language } from '../config/languages.js';
import type { TokenPurpose } from '../one-time-tokens/one-time-token.js';

type Links = Pick<Config, 'issuer' | 'emailVerificationUrl' | 'passwordResetUrl' | 'emailChangeUrl' | 'invitationUrl'>;

interface Target {
  readonly page: AccountPage;
  readonly setting?: Exclude<keyof Links, 'issuer'>;
}

/** Undoing a change is not left to the pages of the application: it must work for somebody who no longer has the account. */
const TARGETS: Readonly<Record<TokenPurpose, Target>> = {
  registration: { page: 'verifyEmail', setting: 'emailVerificationUrl' },
  email_verification: { page: 'verifyEmail', setting: 'emailVerificationUrl' },
  password_reset: { page: 'resetPassword', setting: 'passwordResetUrl' },
  email_change: { page: 'confirmEmailChange', setting: 'emailChangeUrl' },
  email_undo: { page: 'undoEmailChange' },
  invitation: { page: 'acceptInvitation', setting: 'invitationUrl' },
};

/** Where a token leads. Only settings decide it (REC-03). A token has no character that a URL would encode. */
export function mailLink(settings: Links, purpose: TokenPurpose, token: string, language: Language): string {
  const { page, setting } = TARGETS[purpose];
  const elsewhere = setting === undefined ? undefined : settings[setting];
  return (
    elsewhere?.replaceAll('{token}', token).replaceAll('{lang}', language) ??
    `${accountPageUrl(settings.issuer, page, language)}${token}`
  );
}
