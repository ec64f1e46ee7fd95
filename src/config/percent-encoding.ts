/** Whether each % of the text encodes something (RFC 3986 section 2.1), in UTF-8. */
export function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
