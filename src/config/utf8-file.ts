import { isUtf8 } from 'node:buffer';
import { readFileSync, statSync } from 'node:fs';

const BYTE_ORDER_MARK = '\uFEFF';

/**
 * The text of a file written by an operator, without a byte order mark; undefined if there is no file.
 * @throws {RangeError} whose message completes "NAME …", if it cannot be read or is not UTF-8.
 */
export function readUtf8File(path: string): string | undefined {
  const bytes = readBytes(path);
  if (bytes === undefined) return undefined;
  const text = bytes.toString('utf8');
  // ASCII text in UTF-16 without a mark is valid UTF-8, with NULs.
  if (!isUtf8(bytes) || text.includes('\0')) throw new RangeError('is not UTF-8: save it as UTF-8');
  return text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
}

function readBytes(path: string): Buffer | undefined {
  try {
    // A pipe that nobody writes to would block the process for ever.
    if (!statSync(path).isFile()) throw new RangeError('is not a regular file: put one in its place, or remove it');
    return readFileSync(path);
  } catch (error) {
    if (error instanceof RangeError) throw error;
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new RangeError(`cannot be read (${code})`);
  }
}
