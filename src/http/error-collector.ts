import { Ajv2020, type ErrorObject, type Options, type ValidateFunction } from 'ajv/dist/2020.js';
import { replaceCostlyKeywords } from './schema-keywords.js';

/** A value with more errors is not searched to the end. Those of branches of unions count, and those of accepted unions. */
export const MAX_FOUND_ERRORS = 1000;

const tooManyErrors = new Error('too many errors');

/** What the generated code calls for each error. */
class FoundErrors {
  #count = 0;

  add(): void {
    if (++this.#count > MAX_FOUND_ERRORS) throw tooManyErrors;
  }
}

/**
 * Finds all errors of a value, in bounded time and memory: without the bound a list of unions takes the product of its
 * items and branches, and nested unions its power.
 */
export class ErrorCollector {
  readonly #ajv: Ajv2020;

  constructor(options: Options) {
    const code = { process: (text: string) => text.replaceAll('errors++;', 'errors++;this.add();') };
    this.#ajv = new Ajv2020({ ...options, allErrors: true, passContext: true, code });
    replaceCostlyKeywords(this.#ajv);
  }

  /** @returns undefined for too many */
  collectErrors(schema: object, value: unknown): readonly ErrorObject[] | undefined {
    // Compiled once.
    const validate: ValidateFunction = this.#ajv.compile(schema);
    try {
      validate.call(new FoundErrors(), value);
    } catch (error) {
      if (error !== tooManyErrors) throw error;
      return undefined;
    }
    return validate.errors ?? [];
  }
}
