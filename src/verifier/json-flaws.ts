const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * Finds what JSON.parse accepts but this service refuses: a member name that appears twice once decoded (RFC 8259
 * section 4), U+0000, lone surrogates, names that reach a prototype, objects and arrays nested deeper than `maxDepth`.
 * One pass without recursion, linear in the length.
 *
 * @returns what is wrong, as a sentence that never quotes the text, or undefined. It does not check the
 *   grammar: call JSON.parse afterwards.
 */
export function findJsonFlaw(text: string, maxDepth: number): string | undefined {
  if (!text.isWellFormed()) return ILL_FORMED;
  const scan = new JsonScan();
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) {
      const end = closingQuote(text, at + 1);
      const flaw = scan.addString(text.slice(at + 1, end));
      if (flaw !== undefined) return flaw;
      at = end;
    } else if (scan.addPunctuation(unit) > maxDepth) return `It is nested deeper than ${maxDepth} levels.`;
  }
  return undefined;
}

const ILL_FORMED = 'It holds ill-formed Unicode.';

interface Container {
  /** Undefined for an array. */
  readonly names: Set<string> | undefined;
  lastName: string | undefined;
}

class JsonScan {
  readonly #open: Container[] = [];
  #expectsName = false;

  /** Processes a bracket or a comma. @returns the nesting depth after it */
  addPunctuation(unit: number): number {
    if (unit === OPEN_OBJECT) this.#enter(new Set());
    else if (unit === OPEN_ARRAY) this.#enter(undefined);
    else if (unit === CLOSE_OBJECT || unit === CLOSE_ARRAY) this.#leave();
    else if (unit === COMMA) this.#expectsName = this.#open.at(-1)?.names !== undefined;
    return this.#open.length;
  }

  #enter(names: Set<string> | undefined): void {
    this.#open.push({ names, lastName: undefined });
    this.#expectsName = names !== undefined;
  }

  #leave(): void {
    this.#open.pop();
    this.#expectsName = false;
  }

  /** Processes a string without its quotes. @returns what is wrong with it, or undefined */
  addString(raw: string): string | undefined {
    const value = decoded(raw);
    if (value === undefined) return 'A string in it has a broken escape.';
    if (value.includes('\0')) return 'It holds U+0000.';
    if (!value.isWellFormed()) return ILL_FORMED;
    return this.#expectsName ? this.#addName(value) : undefined;
  }

  #addName(name: string): string | undefined {
    this.#expectsName = false;
    const container = this.#open.at(-1);
    if (container?.names === undefined) return undefined;
    if (container.names.has(name)) return 'A member name appears twice in one object.';
    if (name === '__proto__' || this.#isConstructorPrototype(name)) return 'It names a prototype.';
    container.names.add(name);
    container.lastName = name;
    return undefined;
  }

  #isConstructorPrototype(name: string): boolean {
    return name === 'prototype' && this.#open.at(-2)?.lastName === 'constructor';
  }
}

/** The index of the closing quote; the length of the text when there is none, which JSON.parse then refuses. */
function closingQuote(text: string, start: number): number {
  for (let at = start; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit === QUOTE) return at;
    if (unit === BACKSLASH) at++;
  }
  return text.length;
}

function decoded(raw: string): string | undefined {
  if (!raw.includes('\\')) return raw;
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return undefined;
  }
}
