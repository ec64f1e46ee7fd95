import type { AccountPage } from '../config/account-pages.js';
import type { Config } from '../config/config.js';
import type { Language } from '../config/languages.js';
import { escapeHtml } from '../mail/render-mail.js';
import { MAX_PASSWORD_CODE_POINTS } from '../passwords/password-policy.js';
import { ENGLISH } from './english.texts.js';
import { GERMAN } from './german.texts.js';
import { PAGE_FORMS, type PasswordMember } from './page-forms.js';
import { FINAL_MESSAGES, PASSWORD_MESSAGES, type Advice, type MessageName, type PageTexts } from './page-texts.js';

type PageSettings = Pick<Config, 'serviceName' | 'passwordMinLength' | 'appUrl' | 'registration'>;

export const PAGE_TEXTS: Readonly<Record<Language, PageTexts>> = { en: ENGLISH, de: GERMAN };
const NAME = /\{\{(\w+)\}\}/g;

/** The HTML of a page. Its URLs are relative, so that a proxy may serve it below any path. */
export function renderPage(page: AccountPage, language: Language, settings: PageSettings): string {
  const texts = PAGE_TEXTS[language];
  const { title, introduction, button, password = '', done, newLink, perhapsDone } = texts.pages[page];
  const { endpoint, password: field } = PAGE_FORMS[page];
  const html = (text: string): string => escapeHtml(fillIn(text, settings));
  const advice: Readonly<Record<string, Advice>> = {
    mail_token_invalid: newLink,
    mail_token_expired: newLink,
    perhaps_done: perhapsDone,
  };
  const messages = Object.entries(texts.messages).map(([name, text]) =>
    messageTemplate(name as MessageName, html(`${text} ${adviceFor(advice[name] ?? '', settings)}`.trimEnd())),
  );
  return `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${html(`${title} · {{service}}`)}</title>
<link rel="stylesheet" href="assets/account-page.css">
<script type="module" src="assets/account-page.js"></script>
</head>
<body>
<main>
<p class="service">${html('{{service}}')}</p>
<h1>${html(title)}</h1>
<div id="message" role="status" tabindex="-1"></div>
<div id="request" hidden>
<p>${html(introduction)}</p>
<form id="form" action="../${endpoint}" method="post" novalidate data-later="${html(texts.later)}" data-sending="${html(texts.sending)}">
${field === undefined ? '' : passwordField(field, { label: html(password), rule: html(texts.passwordRule), show: html(texts.showPassword) })}<button>${html(button)}</button>
</form>
</div>
<noscript><p>${html(texts.noScript)}</p></noscript>
${settings.appUrl === undefined ? '' : backLink(settings.appUrl, html(texts.back))}<template data-message="done" data-is-final>${html(done)}</template>
${messages.join('\n')}
</main>
</body>
</html>
`;
}

function passwordField({ member, isNew }: PasswordMember, html: { label: string; rule: string; show: string }): string {
  const [kind, describedBy] = isNew ? ['new', 'password-rule message'] : ['current', 'message'];
  return `<label for="password">${html.label}</label>
<input id="password" name="${member}" type="password" autocomplete="${kind}-password" autocapitalize="none" spellcheck="false" required aria-describedby="${describedBy}">
${isNew ? `<p id="password-rule" class="rule">${html.rule}</p>\n` : ''}<label class="choice"><input id="show-password" type="checkbox" autocomplete="off"> ${html.show}</label>
`;
}

function backLink(url: string, html: string): string {
  return `<p id="back" hidden><a href="${escapeHtml(url)}">${html}</a></p>\n`;
}

function messageTemplate(name: MessageName, html: string): string {
  const isFinal = FINAL_MESSAGES.includes(name) ? ' data-is-final' : '';
  const isOfPassword = PASSWORD_MESSAGES.includes(name) ? ' data-is-of-password' : '';
  return `<template data-message="${name}"${isFinal}${isOfPassword}>${html}</template>`;
}

function adviceFor(advice: Advice, { registration }: PageSettings): string {
  return typeof advice === 'string' ? advice : advice[registration];
}

/** Leaves a name that it does not know, for the browser. */
export function fillIn(
  text: string,
  { serviceName, passwordMinLength }: Pick<PageSettings, 'serviceName' | 'passwordMinLength'>,
): string {
  const values: Readonly<Record<string, string>> = {
    service: serviceName,
    minLength: String(passwordMinLength),
    maxLength: String(MAX_PASSWORD_CODE_POINTS),
  };
  return text.replaceAll(NAME, (match, name: string) => values[name] ?? match);
}
