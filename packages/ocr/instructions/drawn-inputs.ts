import type { ProbabilityMap } from '../src/boxes-from-bitmap.ts';
import type { Image } from '../src/image.ts';
import type { Quad } from '../src/types.ts';

/** Numbers 0..1 that look random and are the same everywhere (Park and Miller 1988). */
export function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A page of noise, RGB 8 bit HWC: no kernel may profit from pixels that are alike. */
export function drawPage(width: number, height: number): Image {
  const next = numbersFrom(1);
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < data.length; i++) data[i] = next() * 256;
  return { data, width, height };
}

/**
 * What the detector makes of a page of text, 0..1: rows of slightly tilted words with soft ends, a speck of noise here and
 * there, nothing elsewhere.
 */
export function drawProbabilityMap(width: number, height: number): ProbabilityMap {
  const next = numbersFrom(2);
  const data = new Float32Array(width * height);
  for (let top = 8; top + 16 < height; top += 22) {
    for (let left = 8; left < width - 40;) {
      const length = Math.min(20 + Math.floor(next() * 120), width - 8 - left);
      const tilt = (next() - 0.5) * 0.06;
      for (let x = 0; x < length; x++) {
        const from = Math.round(top + x * tilt);
        const edge = Math.min(1, (Math.min(x, length - 1 - x) + 1) / 4);
        for (let y = from; y < from + 9; y++) data[y * width + left + x] = edge * (0.7 + 0.3 * next());
      }
      left += length + 14;
    }
    data[(top + 15) * width + Math.floor(next() * width)] = 0.5;
  }
  return { data, width, height };
}

/** Corners of the lines of a page of `rows` × `columns`, tilted by 2° and in no order. */
export function drawLines(rows: number, columns: number): Quad[] {
  const next = numbersFrom(3);
  const [cos, sin] = [Math.cos(Math.PI / 90), Math.sin(Math.PI / 90)];
  const turned = (x: number, y: number): [number, number] => [x * cos - y * sin, x * sin + y * cos];
  const lines: { quad: Quad; place: number }[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [left, top] = [column * 200 + next() * 20, row * 30 + next() * 4];
      const [right, bottom] = [left + 60 + next() * 120, top + 18 + next() * 4];
      const quad: Quad = [turned(left, top), turned(right, top), turned(right, bottom), turned(left, bottom)];
      lines.push({ quad, place: next() });
    }
  }
  return lines.toSorted((a, b) => a.place - b.place).map(({ quad }) => quad);
}
