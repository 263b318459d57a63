import { type Canvas, createCanvas, type SKRSContext2D } from '@napi-rs/canvas';
import { fonts } from './fonts.ts';

/** Uncompressed picture, 4 bytes a pixel: red, green, blue, alpha. */
export interface Pixels {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

export interface Style {
  readonly font?: keyof typeof fonts;
  readonly size?: number;
  readonly color?: string;
}

/** A canvas that text is written on line by line. */
export class Sheet {
  readonly context: SKRSContext2D;
  readonly #canvas: Canvas;

  /** Without a background the sheet is transparent. */
  constructor(width: number, height: number, background?: string) {
    this.#canvas = createCanvas(width, height);
    this.context = this.#canvas.getContext('2d');
    if (background !== undefined) {
      this.context.fillStyle = background;
      this.context.fillRect(0, 0, width, height);
    }
  }

  /** `y` is the text's baseline. */
  write(text: string, x: number, y: number, { font = 'sans', size = 32, color = '#1a1a1a' }: Style = {}): void {
    this.context.font = `${size}px "${fonts[font]}"`;
    this.context.fillStyle = color;
    this.context.fillText(text, x, y);
  }

  writeLines(lines: readonly string[], at: { x: number; y: number; step: number }, style?: Style): void {
    lines.forEach((line, row) => this.write(line, at.x, at.y + row * at.step, style));
  }

  pixels(): Pixels {
    const { width, height } = this.#canvas;
    return { data: this.context.getImageData(0, 0, width, height).data, width, height };
  }
}
