import { LANGUAGES, type Language } from '../config/languages.js';
import { ENGLISH } from './english.catalogue.js';
import { GERMAN } from './german.catalogue.js';
import { MAIL_TEMPLATES, type MailCatalogues, type MailTemplate, type MailValues } from './mail-templates.js';

export const CATALOGUES: MailCatalogues = { en: ENGLISH, de: GERMAN };
const NAME = /\{\{(\w+)\}\}/g;

/** What a mail says, in plain text and in the same words as HTML. */
export interface RenderedMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Values are inserted as they are, and in HTML escaped. */
export function renderMail<Template extends MailTemplate>(
  template: Template,
  language: Language,
  values: MailValues<Template>,
): RenderedMail {
  const { subject, text } = CATALOGUES[language].mails[template];
  const fill = (pattern: string): string =>
    pattern.replaceAll(NAME, (_match, name: keyof MailValues<Template>) => values[name]);
  const paragraphs = text.split('\n\n').map(fill);
  return { subject: fill(subject), text: `${paragraphs.join('\n\n')}\n`, html: htmlOf(paragraphs, language) };
}

/**
 * Call it before the first mail.
 * @throws {Error} for a text with a name that its template does not have, or without one that it has
 */
export function requireKnownNames(catalogues: MailCatalogues = CATALOGUES): void {
  for (const language of LANGUAGES) {
    for (const [template, names] of Object.entries<readonly string[]>(MAIL_TEMPLATES)) {
      const { subject, text } = catalogues[language].mails[template as MailTemplate];
      const used = new Set([...`${subject}\n${text}`.matchAll(NAME)].map(([, name]) => name));
      const unknown = [...used].find((name) => !names.includes(name ?? ''));
      if (unknown !== undefined) throw new Error(`the mail ${template} (${language}) has no value for {{${unknown}}}`);
      const unused = names.find((name) => !used.has(name));
      if (unused !== undefined) throw new Error(`the mail ${template} (${language}) does not say {{${unused}}}`);
    }
  }
}

function htmlOf(paragraphs: readonly string[], language: Language): string {
  const body = paragraphs.map((text) => `<p>${linked(text)}</p>`).join('\n');
  return `<!doctype html>
<html lang="${language}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"></head>
<body style="max-width: 36em; margin: 1.5em; font: 16px/1.5 system-ui, sans-serif">
${body}
</body>
</html>
`;
}

/** A paragraph that is a link alone is one in HTML. */
function linked(text: string): string {
  const escaped = escapeHtml(text);
  return /^https?:\/\/\S+$/.test(text) ? `<a href="${escaped}">${escaped}</a>` : escaped;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? '');
}
