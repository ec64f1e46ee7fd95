import { isUtf8 } from 'node:buffer';
import { findJsonFlaw } from '../verifier/json-flaws.js';
import { jsonMalformed } from './validation.problems.js';

/** Objects and arrays in a body may nest this deep. */
export const MAX_BODY_JSON_DEPTH = 20;

/**
 * JSON.parse that accepts only texts which every parser reads alike: see {@link findJsonFlaw}. Ill-formed UTF-8 and a
 * byte order mark (RFC 8259 section 8.1) are refused too.
 * @throws Problem `json_malformed`
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) throw jsonMalformed({ detail: 'The body is empty.' });
  if (!isUtf8(body)) throw jsonMalformed({ detail: 'The body is not UTF-8.' });
  const text = body.toString('utf8');
  if (text.startsWith('\uFEFF')) throw jsonMalformed({ detail: 'The body begins with a byte order mark.' });
  const flaw = findJsonFlaw(text, MAX_BODY_JSON_DEPTH);
  if (flaw !== undefined) throw jsonMalformed({ detail: `The body is not usable JSON. ${flaw}` });
  return parse(text);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw jsonMalformed({ cause });
  }
}
