import type { Pixels } from './sheet.ts';

type Corners = readonly [Corner, Corner, Corner, Corner];
type Corner = readonly [x: number, y: number];

export interface Scene {
  readonly width: number;
  readonly height: number;
  /** Where the sheet's corners lie in the photo: clockwise from its own top-left. */
  readonly corners: Corners;
  readonly table: readonly [red: number, green: number, blue: number];
  /** Largest change of a value by grain, 0..255. */
  readonly grain: number;
}

/** A photo of a sheet that lies on a table: perspective, light from one side, a shadow, and grain. */
export function photograph(sheet: Pixels, scene: Scene): Pixels {
  const { width, height } = scene;
  const toSheet = sheetFromPhoto(scene.corners, sheet);
  const data = new Uint8ClampedArray(width * height * 4);
  const random = seededRandom(20_261_123);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const [u, v] = toSheet(x + 0.5, y + 0.5);
      const color = sample(sheet, u - 0.5, v - 0.5) ?? scene.table;
      // Brightest at the top left, a third darker at the bottom right, with one soft bump as of a crumpled page.
      const light = 1.02 - 0.3 * (x / width) * (y / height) - 0.06 * Math.sin((x + y) / 170);
      const grain = (random() + random() - 1) * scene.grain;
      const at = (y * width + x) * 4;
      data[at] = color[0] * light + grain;
      data[at + 1] = color[1] * light + grain;
      data[at + 2] = color[2] * light * 0.97 + grain;
      data[at + 3] = 255;
    }
  }
  return { data, width, height };
}

/** Maps a point of the photo to the sheet: the inverse of the projection that puts the unit square on the corners. */
function sheetFromPhoto([a, b, c, d]: Corners, sheet: Pixels): (x: number, y: number) => readonly [number, number] {
  const dx1 = b[0] - c[0];
  const dx2 = d[0] - c[0];
  const sx = a[0] - b[0] + c[0] - d[0];
  const dy1 = b[1] - c[1];
  const dy2 = d[1] - c[1];
  const sy = a[1] - b[1] + c[1] - d[1];
  const area = dx1 * dy2 - dx2 * dy1;
  const g = (sx * dy2 - dx2 * sy) / area;
  const h = (dx1 * sy - sx * dy1) / area;
  const m = [b[0] - a[0] + g * b[0], d[0] - a[0] + h * d[0], b[1] - a[1] + g * b[1], d[1] - a[1] + h * d[1]] as const;
  // (x, y) = (m0 u + m1 v + ax, m2 u + m3 v + ay) / (g u + h v + 1): two linear equations in u and v.
  return (x, y) => {
    const p = m[0] - g * x;
    const q = m[1] - h * x;
    const r = m[2] - g * y;
    const s = m[3] - h * y;
    const determinant = p * s - q * r;
    const u = ((x - a[0]) * s - q * (y - a[1])) / determinant;
    const v = (p * (y - a[1]) - (x - a[0]) * r) / determinant;
    return [u * sheet.width, v * sheet.height];
  };
}

function sample(picture: Pixels, x: number, y: number): readonly [number, number, number] | undefined {
  const left = Math.floor(x);
  const top = Math.floor(y);
  if (left < 0 || top < 0 || left + 1 >= picture.width || top + 1 >= picture.height) {
    return undefined;
  }
  const value = (channel: number): number => {
    const at = (row: number, column: number): number =>
      picture.data[((top + row) * picture.width + left + column) * 4 + channel] ?? 0;
    const right = x - left;
    const upper = at(0, 0) * (1 - right) + at(0, 1) * right;
    const lower = at(1, 0) * (1 - right) + at(1, 1) * right;
    return upper + (lower - upper) * (y - top);
  };
  return [value(0), value(1), value(2)];
}

/** Numbers of 0..1, the same in every run (a linear congruential generator). */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
