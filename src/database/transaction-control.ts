/** What is no part of a statement's words: literals, quoted names, and comments without another inside. Linear in the length of the text. */
const WORDLESS = /\be'(?:[^'\\]|\\.)*'|'[^']*'|"[^"]*"|--[^\n]*|\/\*(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\//gis;
const DOLLAR_QUOTE = /\$[a-z_]*\$/i;
/** `ROLLBACK TO` undoes a part, and the transaction goes on. */
const CONTROL =
  /^\s*(?:commit|end|abort|begin|start\s+transaction|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

const allowed = new WeakSet<object>();

/**
 * Refuses statements that begin or end a transaction: they would end that of Gatehouse, or leave one open on a connection that others are
 * given. Looks at each text once, and only at the first statement of one with a body in dollar quotes.
 * @throws {TypeError} for such a statement, for a comment inside a comment, and for a text that is no tagged template
 */
export function requireNoTransactionControl(sql: TemplateStringsArray): void {
  if (allowed.has(sql)) return;
  if (!Array.isArray(sql)) throw new TypeError('A statement is a tagged template: database.query`SELECT …`.');
  const text = sql.join(' ').replace(WORDLESS, ' ');
  const hasDollarQuote = DOLLAR_QUOTE.test(text);
  if (!hasDollarQuote && text.includes('/*'))
    throw new TypeError('A comment that has another inside, or no end, is refused: it may hide a statement.');
  const statements = text.split(';').slice(0, hasDollarQuote ? 1 : undefined);
  const control = statements.find((statement) => CONTROL.test(statement));
  if (control !== undefined)
    throw new TypeError(
      `"${control.trim()}" is refused: database.transaction() begins and ends a transaction, and rolls it back when its work throws.`,
    );
  allowed.add(sql);
}
