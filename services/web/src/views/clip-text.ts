/** Bytes that a character takes in a page: in UTF-8, or as what it is escaped to. */
function bytesOf(character: string): number {
  switch (character) {
    case '&':
    case "'":
      return 5;
    case '<':
    case '>':
      return 4;
    case '"':
      return 6;
    default:
      return Buffer.byteLength(character);
  }
}

/** The beginning of a text that takes no more bytes in a page than these, with an ellipsis where something is missing. */
export function clipText(text: string, maxBytes: number): string {
  // No character takes more than 6 bytes for each of its UTF-16 units.
  if (text.length * 6 <= maxBytes) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += bytesOf(character);
    if (bytes > maxBytes) return `${text.slice(0, end)}…`;
    end += character.length;
  }
  return text;
}

/** What the text takes in a page. */
export function pageBytes(text: string): number {
  let bytes = 0;
  for (const character of text) bytes += bytesOf(character);
  return bytes;
}
