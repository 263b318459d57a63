import type { Pixels } from './sheet.ts';

/** A quarter turn clockwise. */
export function turnRight(picture: Pixels): Pixels {
  const { width, height } = picture;
  return remap(picture, height, width, (x, y) => [y, height - 1 - x]);
}

export function upsideDown(picture: Pixels): Pixels {
  return turnRight(turnRight(picture));
}

/** Cuts away every border row and column that has only the color of the top left pixel. */
export function trim(picture: Pixels): Pixels {
  const word = new Uint32Array(picture.data.buffer, picture.data.byteOffset, picture.width * picture.height);
  let [left, top, right, bottom] = [picture.width, picture.height, 0, 0];
  word.forEach((value, at) => {
    if (value !== word[0]) {
      const x = at % picture.width;
      const y = Math.floor(at / picture.width);
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  });
  return remap(picture, right - left + 1, bottom - top + 1, (x, y) => [x + left, y + top]);
}

function remap(
  picture: Pixels,
  width: number,
  height: number,
  from: (x: number, y: number) => readonly [number, number],
): Pixels {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [fromX, fromY] = from(x, y);
      const at = (fromY * picture.width + fromX) * 4;
      data.set(picture.data.subarray(at, at + 4), (y * width + x) * 4);
    }
  }
  return { data, width, height };
}
