/** Pixels that can be drawn on: RGB, 8 bit, row by row. */
export interface Canvas {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export type Color = readonly [red: number, green: number, blue: number];
export type Vertex = readonly [x: number, y: number];

/** How much of each pixel is ink, 0..255, row by row. */
export interface Mask {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

export interface Paint {
  readonly color: Color;
  /** 0 (nothing) to 1 (covers). */
  readonly opacity: number;
}

/** Fills a polygon (even-odd rule; pixels whose center is inside). Parts outside the canvas are left out. */
export function fillPolygon(canvas: Canvas, vertices: readonly Vertex[], { color, opacity }: Paint): void {
  const ys = vertices.map(([, y]) => y);
  const bottom = Math.min(canvas.height - 1, Math.ceil(Math.max(...ys)));
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y <= bottom; y++) {
    const crossings = crossingsAt(vertices, y + 0.5);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const left = Math.max(0, Math.ceil((crossings[i] ?? 0) - 0.5));
      const right = Math.min(canvas.width - 1, Math.floor((crossings[i + 1] ?? 0) - 0.5));
      for (let x = left; x <= right; x++) blend(canvas, y * canvas.width + x, color, opacity);
    }
  }
}

/** Where the polygon's sides cross a horizontal line, from left to right. */
function crossingsAt(vertices: readonly Vertex[], y: number): number[] {
  const crossings: number[] = [];
  for (const [i, [x0, y0]] of vertices.entries()) {
    const [x1, y1] = vertices[(i + 1) % vertices.length] ?? [x0, y0];
    if (y0 > y !== y1 > y) crossings.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
  }
  return crossings.toSorted((a, b) => a - b);
}

/** Draws the sides of a polygon, `thickness` pixels wide. */
export function strokePolygon(canvas: Canvas, vertices: readonly Vertex[], paint: Paint & { thickness: number }): void {
  for (const [i, [x0, y0]] of vertices.entries()) {
    const [x1, y1] = vertices[(i + 1) % vertices.length] ?? [x0, y0];
    const length = Math.hypot(x1 - x0, y1 - y0);
    if (length === 0) continue;
    const along: Vertex = [((x1 - x0) / length) * (paint.thickness / 2), ((y1 - y0) / length) * (paint.thickness / 2)];
    const corner = (x: number, y: number, forward: number, side: number): Vertex => [
      x + forward * along[0] - side * along[1],
      y + forward * along[1] + side * along[0],
    ];
    const side = [corner(x0, y0, -1, -1), corner(x1, y1, 1, -1), corner(x1, y1, 1, 1), corner(x0, y0, -1, 1)];
    fillPolygon(canvas, side, paint);
  }
}

export interface Placement {
  /** Where the mask's top-left corner goes. */
  readonly origin: Vertex;
  /** Direction in which the mask's rows run, in radians (clockwise on the screen). */
  readonly angle: number;
  /** Canvas pixels that one pixel of the mask is wide and high. */
  readonly scaleX: number;
  readonly scaleY: number;
}

/** Presses a mask onto the canvas in one color, turned and scaled. */
export function stampMask(canvas: Canvas, mask: Mask, placement: Placement & { readonly color: Color }): void {
  const { origin, angle, scaleX, scaleY, color } = placement;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [w, h] = [mask.width * scaleX, mask.height * scaleY];
  const xs = [0, w * cos, w * cos - h * sin, -h * sin].map((x) => x + origin[0]);
  const ys = [0, w * sin, w * sin + h * cos, h * cos].map((y) => y + origin[1]);
  const right = Math.min(canvas.width - 1, Math.ceil(Math.max(...xs)));
  const bottom = Math.min(canvas.height - 1, Math.ceil(Math.max(...ys)));
  for (let y = Math.max(0, Math.floor(Math.min(...ys))); y <= bottom; y++) {
    for (let x = Math.max(0, Math.floor(Math.min(...xs))); x <= right; x++) {
      const [dx, dy] = [x + 0.5 - origin[0], y + 0.5 - origin[1]];
      const ink = sample(mask, (dx * cos + dy * sin) / scaleX - 0.5, (dy * cos - dx * sin) / scaleY - 0.5);
      if (ink > 0) blend(canvas, y * canvas.width + x, color, ink / 255);
    }
  }
}

/** Bilinear; nothing outside the mask. */
function sample(mask: Mask, x: number, y: number): number {
  const [x0, y0] = [Math.floor(x), Math.floor(y)];
  const [fx, fy] = [x - x0, y - y0];
  const at = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= mask.width || row >= mask.height
      ? 0
      : (mask.data[row * mask.width + column] ?? 0);
  const top = at(x0, y0) * (1 - fx) + at(x0 + 1, y0) * fx;
  const low = at(x0, y0 + 1) * (1 - fx) + at(x0 + 1, y0 + 1) * fx;
  return top * (1 - fy) + low * fy;
}

function blend({ data }: Canvas, pixel: number, [red, green, blue]: Color, opacity: number): void {
  const i = pixel * 3;
  data[i] = (data[i] ?? 0) * (1 - opacity) + red * opacity;
  data[i + 1] = (data[i + 1] ?? 0) * (1 - opacity) + green * opacity;
  data[i + 2] = (data[i + 2] ?? 0) * (1 - opacity) + blue * opacity;
}
