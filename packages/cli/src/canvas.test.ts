import { expect, test } from 'vitest';
import { type Canvas, fillPolygon, stampMask, strokePolygon } from './canvas.ts';
import { drawPixelText } from './pixel-font.ts';

const black = { color: [0, 0, 0], opacity: 1 } as const;
const white = (width: number, height: number): Canvas => ({
  data: new Uint8Array(width * height * 3).fill(255),
  width,
  height,
});

/** `#` where the red channel is dark. */
const picture = ({ data, width, height }: Canvas): string[] =>
  Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (__, x) => (data[(y * width + x) * 3]! < 128 ? '#' : '.')).join(''),
  );

test('fills what lies inside and leaves out what lies outside the canvas', () => {
  const canvas = white(6, 4);
  fillPolygon(
    canvas,
    [
      [-5, 1],
      [3, 1],
      [3, 9],
      [-5, 9],
    ],
    black,
  );
  expect(picture(canvas)).toEqual(['......', '###...', '###...', '###...']);
});

test('is translucent', () => {
  const canvas = white(1, 1);
  fillPolygon(
    canvas,
    [
      [0, 0],
      [1, 0],
      [1, 1],
      [0, 1],
    ],
    { color: [0, 100, 255], opacity: 0.5 },
  );
  expect([...canvas.data]).toEqual([127, 177, 255]);
});

test('draws sides', () => {
  const canvas = white(7, 5);
  strokePolygon(
    canvas,
    [
      [1.5, 1.5],
      [5.5, 1.5],
      [5.5, 3.5],
      [1.5, 3.5],
    ],
    { ...black, thickness: 1 },
  );
  expect(picture(canvas)).toEqual(['.......', '.#####.', '.#...#.', '.#####.', '.......']);
});

test('stamps a mask where it belongs', () => {
  const canvas = white(8, 9);
  const color = [0, 0, 0] as const;
  stampMask(canvas, drawPixelText('F', 1), { origin: [1, 1], angle: 0, scaleX: 1, scaleY: 1, color });
  expect(picture(canvas)).toEqual([
    '........',
    '.#####..',
    '.#......',
    '.#......',
    '.####...',
    '.#......',
    '.#......',
    '.#......',
    '........',
  ]);
});

test('stamps a mask upside down', () => {
  const canvas = white(7, 9);
  const color = [0, 0, 0] as const;
  stampMask(canvas, drawPixelText('F', 1), { origin: [6, 8], angle: Math.PI, scaleX: 1, scaleY: 1, color });
  expect(picture(canvas).map((row) => row.trimEnd())).toEqual([
    '.......',
    '.....#.',
    '.....#.',
    '.....#.',
    '..####.',
    '.....#.',
    '.....#.',
    '.#####.',
    '.......',
  ]);
});

test('has a glyph for every printable ASCII character, all different', () => {
  const characters = Array.from({ length: 95 }, (_, i) => String.fromCodePoint(0x20 + i));
  const glyphs = characters.map((character) => drawPixelText(character, 1).data.join(''));
  expect(new Set([...glyphs, drawPixelText('字', 1).data.join('')]).size).toBe(96);
});
