import { OcrError } from '@glyphmill/core/errors';

const invalid = (detail: string) =>
  new OcrError('invalid_request', 'The data: URL is malformed', {
    violations: [{ pointer: '/image_url', detail }],
  });
const tooLarge = (maxBytes: number) => new OcrError('image_too_large', `The image has more than ${maxBytes} bytes`);

export function isDataUrl(url: string): boolean {
  return /^data:/i.test(url);
}

/**
 * The bytes of a `data:[<media type>][;base64],<data>` URL (RFC 2397). The media type is not looked at: the bytes tell
 * what they are. Throws `invalid_request` for what is malformed, `image_too_large` before decoding more than `maxBytes`
 * and `image_unreadable` for no bytes at all.
 */
export function decodeDataUrl(url: string, maxBytes: number): Uint8Array {
  const comma = url.indexOf(',');
  if (comma === -1) throw invalid('A data: URL has a comma before its data');
  const isBase64 = /;\s*base64\s*$/i.test(url.slice('data:'.length, comma));
  const hash = url.indexOf('#', comma);
  const data = url.slice(comma + 1, hash === -1 ? undefined : hash);
  const bytes = isBase64 ? decodeBase64(data, maxBytes) : decodePercent(data, maxBytes);
  if (bytes.byteLength === 0) throw new OcrError('image_unreadable', 'The image is empty');
  return bytes;
}

/** Whitespace, missing padding and the URL-safe alphabet are fine; anything else that is not base64 is not. */
function decodeBase64(data: string, maxBytes: number): Uint8Array {
  const unescaped = data.includes('%') ? unescapeAscii(data) : data;
  const compact = /\s/.test(unescaped) ? unescaped.replaceAll(/[ \t\r\n\f]/g, '') : unescaped;
  // At most two: a search for `=+$` would be quadratic on a hostile run of them.
  const padding = compact.endsWith('==') ? 2 : compact.endsWith('=') ? 1 : 0;
  const digits = compact.length - padding;
  if ((padding > 0 && compact.length % 4 !== 0) || digits % 4 === 1)
    throw invalid('The base64 data has a wrong length');
  const length = Math.floor((digits * 3) / 4);
  if (length > maxBytes) throw tooLarge(maxBytes);
  const bytes = Buffer.from(compact, 'base64');
  // The decoder skips ASCII that is not base64, and each character less is a byte less: no slow search through
  // megabytes. Of other characters it would take the low byte.
  const isAscii = Buffer.byteLength(compact) === compact.length;
  if (!isAscii || bytes.byteLength !== length) throw invalid('The data is not base64');
  return bytes;
}

function unescapeAscii(data: string): string {
  try {
    return decodeURIComponent(data);
  } catch {
    throw invalid('The data has a broken % escape');
  }
}

const percentSign = 0x25;

/** The value of a hexadecimal digit's character code, -1 for anything else. */
function hexValue(code: number | undefined): number {
  if (code === undefined) return -1;
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** `%XX` is a byte; any other character stands for its UTF-8 bytes. */
function decodePercent(data: string, maxBytes: number): Uint8Array {
  const encoded = Buffer.from(data, 'utf8');
  const bytes = Buffer.allocUnsafe(Math.min(encoded.length, maxBytes));
  let length = 0;
  for (let at = 0; at < encoded.length; at++) {
    let byte = encoded.readUInt8(at);
    if (byte === percentSign) {
      const high = hexValue(encoded[at + 1]);
      const low = hexValue(encoded[at + 2]);
      if (high < 0 || low < 0) throw invalid('The data has a broken % escape');
      byte = high * 16 + low;
      at += 2;
    }
    if (length === maxBytes) throw tooLarge(maxBytes);
    bytes.writeUInt8(byte, length++);
  }
  return bytes.subarray(0, length);
}
