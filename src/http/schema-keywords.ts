import { type Ajv2020, _, type CodeKeywordDefinition, type KeywordCxt } from 'ajv/dist/2020.js';

/** What a branch of a union may say besides its `const` without accepting anything else. */
const ANNOTATIONS = new Set(['const', 'type', 'title', 'description', 'deprecated', 'examples', '$comment']);

/**
 * Replaces the keywords of Ajv whose cost grows faster than the value: `anyOf` of constants makes an error for each
 * branch of each item of a list, also where one of them fits, and `uniqueItems` compares each item with each other.
 */
export function replaceCostlyKeywords(ajv: Ajv2020): void {
  const anyOf = ajv.getKeyword('anyOf') as CodeKeywordDefinition;
  ajv.removeKeyword('anyOf').addKeyword({ ...anyOf, code: (cxt) => requireConstant(cxt) || anyOf.code(cxt) });
  const properties = ajv.getKeyword('properties') as CodeKeywordDefinition;
  const code = (cxt: KeywordCxt): void => properties.code(Object.assign(cxt, { schema: constantsFirst(cxt.schema) }));
  ajv.removeKeyword('properties').addKeyword({ ...properties, code });
  ajv.removeKeyword('uniqueItems').addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (isRequired: boolean, items: readonly unknown[]) => !isRequired || areUnique(items),
  });
}

/** Generates the look-up among constants. @returns false where a branch is something else */
function requireConstant(cxt: KeywordCxt): boolean {
  const branches = cxt.schema as readonly object[];
  if (!branches.every(isConstant)) return false;
  const constants = new Set(branches.map((branch) => branch.const));
  const known = cxt.gen.scopeValue('obj', { ref: constants });
  cxt.fail(_`!${known}.has(${cxt.data})`);
  return true;
}

function isConstant(schema: object): schema is { readonly const: string | number | boolean } {
  const { const: constant, type = typeof constant } = schema as { const?: unknown; type?: unknown };
  const isScalar = ['string', 'number', 'boolean'].includes(typeof constant);
  return isScalar && type === typeof constant && Object.keys(schema).every((name) => ANNOTATIONS.has(name));
}

function constantsFirst(properties: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(properties).toSorted(([, one], [, other]) => rankOf(one) - rankOf(other)));
}

function rankOf(schema: unknown): number {
  return typeof schema === 'object' && schema !== null && 'const' in schema ? 0 : 1;
}

function areUnique(items: readonly unknown[]): boolean {
  const seen = { scalars: new Set<unknown>(), others: new Set<unknown>() };
  for (const item of items) {
    const isScalar = typeof item !== 'object' || item === null;
    const [set, key] = isScalar ? [seen.scalars, item] : [seen.others, canonicalJson(item)];
    if (set.has(key)) return false;
    set.add(key);
  }
  return true;
}

/** The same text for objects that differ in the order of their members alone. */
function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join()}]`;
  const members = Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}:${canonicalJson(member)}`).join()}}`;
}
