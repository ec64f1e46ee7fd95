import type { Language } from './languages.js';

/** The service's own pages that mail links to, by path. */
export const ACCOUNT_PAGES = {
  verifyEmail: '/account/verify-email',
  resetPassword: '/account/reset-password',
  confirmEmailChange: '/account/confirm-email-change',
  undoEmailChange: '/account/undo-email-change',
  acceptInvitation: '/account/accept-invitation',
} as const;

export type AccountPage = keyof typeof ACCOUNT_PAGES;

/**
 * The link to a page, up to and including `#token=`: append the token. It is in the fragment, which browsers send to no server, so that no log
 * and no proxy has it.
 */
export function accountPageUrl(issuer: string, page: AccountPage, language: Language): string {
  const url = new URL(issuer);
  const folder = url.pathname.endsWith('/') ? url.pathname.slice(0, -1) : url.pathname;
  url.pathname = `${folder}${ACCOUNT_PAGES[page]}`;
  url.search = `lang=${language}`;
  url.hash = 'token=';
  return url.href;
}
