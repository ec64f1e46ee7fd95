/** What is no part of a statement's words: literals, quoted names and comments. */
const WORDLESS = /\be'(?:[^'\\]|\\.)*'|'[^']*'|"[^"]*"|--[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\//gis;
const DOLLAR_QUOTE = /\$[a-z_]*\$/i;
/** `ROLLBACK TO` undoes a part, and the transaction goes on. */
const CONTROL =
  /^\s*(?:commit|end|abort|begin|start\s+transaction|prepare\s+transaction|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b))\b/i;

const allowed = new WeakSet<object>();

/**
 * Refuses statements that begin or end a transaction: they would end that of Gatehouse, or leave one open on a connection that others are
 * given. Looks at each text once, and only at the first statement of one with a body in dollar quotes.
 * @throws {TypeError} for such a statement, and for a text that is no tagged template
 */
export function requireNoTransactionControl(sql: TemplateStringsArray): void {
  if (allowed.has(sql)) return;
  if (!Array.isArray(sql)) throw new TypeError('A statement is a tagged template: database.query`SELECT …`.');
  const text = sql.join(' ').replace(WORDLESS, ' ');
  const statements = text.split(';').slice(0, DOLLAR_QUOTE.test(text) ? 1 : undefined);
  const control = statements.find((statement) => CONTROL.test(statement));
  if (control !== undefined)
    throw new TypeError(
      `"${control.trim()}" is refused: database.transaction() begins and ends a transaction, and rolls it back when its work throws.`,
    );
  allowed.add(sql);
}
