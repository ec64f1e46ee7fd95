import type { Language } from '../config/languages.js';

/** Every mail, and the names that stand in its text as `{{name}}`. */
export const MAIL_TEMPLATES = {
  /** By which an operator tries the mail server. */
  test: ['service'],
  verify_email: ['service', 'link', 'until'],
  reset_password: ['service', 'link', 'until'],
  reset_password_by_operator: ['service', 'link', 'until'],
  /** After the undo of a change of address, which leaves no password. */
  reset_password_after_undo: ['service', 'link', 'until'],
  confirm_email_change: ['service', 'link', 'until'],
  /** To the present address, when a change is asked for. */
  email_change_requested: ['service', 'link', 'until'],
  /** To the address before the change. */
  email_changed: ['service', 'link', 'until'],
  accept_invitation: ['service', 'link', 'until'],
  /** To the owner of an address with which somebody else registers, or to which somebody wants to change. */
  address_taken: ['service'],
  password_changed: ['service', 'time'],
  address_changed: ['service', 'time'],
  account_deleted: ['service', 'time'],
  refresh_token_reused: ['service', 'time'],
  unknown_device: ['service', 'time', 'device'],
} as const satisfies Record<string, readonly string[]>;

export type MailTemplate = keyof typeof MAIL_TEMPLATES;
/** Whether this version has such a mail. */
export function isTemplate(name: string): name is MailTemplate {
  return Object.hasOwn(MAIL_TEMPLATES, name);
}

/** Whether a mail is nothing without its link. */
export function needsLink(template: MailTemplate): boolean {
  const names: readonly string[] = MAIL_TEMPLATES[template];
  return names.includes('link');
}

/** What is put in place of the names of a template. */
export type MailValues<Template extends MailTemplate> = Readonly<
  Record<(typeof MAIL_TEMPLATES)[Template][number], string>
>;

/** The words of one language. A paragraph ends with an empty line. */
export interface MailCatalogue {
  readonly mails: Readonly<Record<MailTemplate, { readonly subject: string; readonly text: string }>>;
  /** A device of which nothing is known. */
  readonly unknownDevice: string;
  /** Between a browser and a system. */
  readonly on: string;
}

export type MailCatalogues = Readonly<Record<Language, MailCatalogue>>;
