import type { AccountPage } from '../config/account-pages.js';

export interface PasswordMember {
  /** Of the request's body. */
  readonly member: 'password' | 'newPassword';
  readonly isNew: boolean;
}

/** What a page sends besides the token, and where to. */
interface PageForm {
  /** Without a slash at its beginning: relative to the address of the service. */
  readonly endpoint: string;
  /** Without it the page has a button alone. */
  readonly password?: PasswordMember;
}

export const PAGE_FORMS: Readonly<Record<AccountPage, PageForm>> = {
  verifyEmail: { endpoint: 'v1/auth/email-verification/confirm', password: { member: 'password', isNew: false } },
  resetPassword: { endpoint: 'v1/auth/password-reset/confirm', password: { member: 'newPassword', isNew: true } },
  confirmEmailChange: { endpoint: 'v1/auth/email-change/confirm' },
  undoEmailChange: { endpoint: 'v1/auth/email-change/undo' },
  acceptInvitation: { endpoint: 'v1/auth/invitation/accept', password: { member: 'password', isNew: true } },
};
