import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProbabilityMap } from './boxes-from-bitmap.ts';
import type { Image } from './image.ts';
import { type Region, textRegion } from './text-region.ts';

function sheet(width: number, height: number, value = 240): Image {
  return { data: new Uint8Array(width * height * 3).fill(value), width, height };
}

function emptyMap(width: number, height: number): ProbabilityMap {
  return { data: new Float32Array(width * height), width, height };
}

function fill({ data, width }: Image, { left, top, right, bottom }: Region, color: readonly number[]): void {
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) data.set(color, (y * width + x) * 3);
  }
}

const black = [30, 30, 30];

/** Three letters like an H, 5 pixels wide and 7 high, from a corner on. */
function writeWord(image: Image, left: number, top: number, color: readonly number[] = black): Region {
  for (let letter = 0; letter < 3; letter++) {
    const x = left + letter * 7;
    fill(image, { left: x, top, right: x + 1, bottom: top + 7 }, color);
    fill(image, { left: x + 4, top, right: x + 5, bottom: top + 7 }, color);
    fill(image, { left: x, top: top + 3, right: x + 5, bottom: top + 4 }, color);
  }
  return { left, top, right: left + 19, bottom: top + 7 };
}

/** `outer` less what a region may lack of a word: the outermost pixels of its strokes. */
function expectToHold(region: Region | undefined, word: Region): void {
  expect(region).toBeDefined();
  expect(region!.left).toBeLessThanOrEqual(word.left + 2);
  expect(region!.top).toBeLessThanOrEqual(word.top + 2);
  expect(region!.right).toBeGreaterThanOrEqual(word.right - 2);
  expect(region!.bottom).toBeGreaterThanOrEqual(word.bottom - 2);
}

describe('textRegion', () => {
  it('is nothing on a blank sheet', () => {
    expect(textRegion(emptyMap(100, 80), sheet(200, 160))).toBeUndefined();
  });

  it('holds all that the network takes for text with some probability, in pixels of the larger image', () => {
    const map = emptyMap(100, 80);
    map.data[20 * 100 + 30] = 0.06;
    map.data[50 * 100 + 70] = 0.9;
    map.data[70 * 100 + 90] = 0.01;
    expect(textRegion(map, sheet(200, 160))).toEqual({ left: 60, top: 40, right: 142, bottom: 102 });
  });

  it('holds a small word wherever it stands, whatever the network says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 281 }), fc.integer({ min: 0, max: 193 }), (left, top) => {
        const image = sheet(300, 200);
        const word = writeWord(image, left, top);
        expectToHold(textRegion(emptyMap(150, 100), image), word);
      }),
    );
  });

  it.each([
    ['black on white', 240, black],
    ['gray on white', 240, [170, 170, 170]],
    ['white on black', 20, [230, 230, 230]],
    ['red on white', 240, [230, 40, 40]],
    ['blue on black', 0, [0, 0, 255]],
  ])('sees a word that is %s', (_, background, color) => {
    const image = sheet(300, 200, background);
    const word = writeWord(image, 200, 150, color);
    expectToHold(textRegion(emptyMap(150, 100), image), word);
  });

  it.each<[string, (image: Image) => void]>([
    ['a vertical rule', (image) => fill(image, { left: 50, top: 0, right: 53, bottom: 200 }, black)],
    ['a horizontal rule', (image) => fill(image, { left: 0, top: 50, right: 300, bottom: 52 }, black)],
    ['the corner of a darker table', (image) => fill(image, { left: 0, top: 0, right: 90, bottom: 70 }, black)],
    [
      'specks of dust',
      (image) => [30, 90, 150].forEach((x) => fill(image, { left: x, top: x, right: x + 3, bottom: x + 2 }, black)),
    ],
    [
      'a shadow that grows',
      (image) => {
        for (let x = 0; x < 300; x++)
          fill(image, { left: x, top: 0, right: x + 1, bottom: 200 }, [240 - x / 3, 240 - x / 3, 240 - x / 3]);
      },
    ],
  ])('does not take %s for text', (_, draw) => {
    const image = sheet(300, 200);
    draw(image);
    expect(textRegion(emptyMap(150, 100), image)).toBeUndefined();
  });

  it('joins what the network sees and what it does not', () => {
    const image = sheet(300, 200);
    const word = writeWord(image, 10, 180);
    const map = emptyMap(150, 100);
    map.data[10 * 150 + 140] = 0.5;
    const region = textRegion(map, image);
    expectToHold(region, word);
    expect(region!.top).toBeLessThanOrEqual(20);
    expect(region!.right).toBeGreaterThanOrEqual(282);
  });
});
