/**
 * Pixels of a WebP file that holds one lossy picture and nothing else: no metadata, no animation, no bytes behind it.
 * Undefined for anything else.
 *
 *     RIFF length | WEBP | "VP8 " length | 3 bytes frame tag | 9d 01 2a | width | height | …
 */
export function webpSize(bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined {
  if (bytes.length < headerBytes) return undefined;
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const paddedFrame = Math.ceil(file.readUInt32LE(16) / 2) * 2;
  const isPlain =
    file.toString('latin1', 0, 4) === 'RIFF' &&
    file.toString('latin1', 8, 16) === 'WEBPVP8 ' &&
    file.readUInt32LE(4) === bytes.length - 8 &&
    paddedFrame === bytes.length - 20 &&
    file.toString('latin1', 23, 26) === '\x9d\x01\x2a';
  if (!isPlain) return undefined;
  // The two bits above tell how to enlarge it.
  return { width: file.readUInt16LE(26) & 0x3fff, height: file.readUInt16LE(28) & 0x3fff };
}

const headerBytes = 30;
