import type { Mask } from './canvas.ts';

/**
 * A plain font for machines that have none at all: space to tilde, 5 × 7 dots each. A glyph is its seven rows from the
 * top, each a base-32 digit whose five bits are the dots from left to right. Any other character becomes a hollow box.
 */
const glyphs = `
0000000 4444404 aaa0000 aavavaa 4fke5u4 op248j3 cik8lid 4480000 2488842 8422248 04lel40 044v440 0000c48 000v000 00000cc 01248g0
ehjlphe 4c4444e eh1248v v2421he 26aiv22 vgu11he 68guhhe v124888 ehhehhe ehhf12c 0cc0cc0 0cc0c48 248g842 00v0v00 8421248 eh12404
eh1dlle ehhvhhh uhhuhhu ehggghe sihhhis vgguggv vgguggg ehgnhhf hhhvhhh e44444e 72222ic hikokih ggggggv hrllhhh hhpljhh ehhhhhe
uhhuggg ehhhlid uhhukih fgge11u v444444 hhhhhhe hhhhha4 hhhllla hha4ahh hhha444 v1248gv e88888e 0g84210 e22222e 4ah0000 000000v
8420000 00e1fhf ggmphhu 00egghe 11djhhf 00ehvge 698s888 0fhhf1e ggmphhh 40c444e 20622ic ggikoki c44444e 00qllhh 00mphhh 00ehhhe
00uhugg 00djf11 00mpggg 00ege1u 88s8896 00hhhjd 00hhha4 00hhlla 00ha4ah 00hhf1e 00v248v 2448442 4444444 8442448 008l200
`
  .trim()
  .split(/\s+/);

const unknownGlyph = 'vhhhhhv';
const firstCharacter = 0x20;
const [glyphWidth, glyphHeight, advance] = [5, 7, 6] as const;

/** Draws a text with dots of `dotSize` pixels. */
export function drawPixelText(text: string, dotSize: number): Mask {
  const rows = Array.from(
    text,
    (character) => glyphs[(character.codePointAt(0) ?? 0) - firstCharacter] ?? unknownGlyph,
  );
  const width = Math.max(1, rows.length * advance - 1) * dotSize;
  const height = glyphHeight * dotSize;
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = [Math.floor(x / dotSize), Math.floor(y / dotSize)];
      const bits = Number.parseInt(rows[Math.floor(column / advance)]?.[row] ?? '0', 32);
      const inGlyph = column % advance;
      if (inGlyph < glyphWidth && (bits >> (glyphWidth - 1 - inGlyph)) & 1) data[y * width + x] = 255;
    }
  }
  return { data, width, height };
}
