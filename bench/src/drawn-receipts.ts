import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import type { Extent, TextLine } from './score.ts';
import { createRandom, type Random } from './simulation/random.ts';

/** Where `npm run bench:peers` draws them when it is given no images; not kept in git. */
export const drawnReceiptsFolder = fileURLToPath(new URL('../results/drawn-receipts/', import.meta.url));

/**
 * Fonts of a package: a machine without any draws the same letters. How they are fitted to the pixels is the machine's
 * setting, so that edges, and the truth with them, may differ by a pixel from one machine to another.
 */
const fonts = {
  sans: { family: 'DejaVu Sans', file: 'DejaVuSans.ttf' },
  bold: { family: 'DejaVu Sans Bold', file: 'DejaVuSans-Bold.ttf' },
  serif: { family: 'DejaVu Serif', file: 'DejaVuSerif.ttf' },
  mono: { family: 'DejaVu Sans Mono', file: 'DejaVuSansMono.ttf' },
  condensed: { family: 'DejaVu Sans Condensed', file: 'DejaVuSansCondensed.ttf' },
} as const;
type Font = keyof typeof fonts;

interface Written {
  readonly text: string;
  readonly font: Font;
  /** Height of the letters' em, in pixels. */
  readonly size: number;
  readonly x: number;
  readonly y: number;
  /** What `x` is of the text. */
  readonly anchor: 'left' | 'middle' | 'right';
}

interface Layout {
  readonly width: number;
  readonly height: number;
  readonly texts: readonly Written[];
}

export interface DrawnReceipt {
  /** A JPEG. */
  readonly image: Uint8Array;
  /** Each text with the upright rectangle around its ink and some room, as people draw boxes around text. */
  readonly lines: readonly TextLine[];
}

/** Between ink and box, as a share of the letters' size. */
const boxRoom = 0.15;

/** Draws the first `count` receipts into a folder, the truth of `NAME.jpg` as `NAME.csv`. Resolves to the folder. */
export async function drawReceipts(folder: string, count = 40): Promise<string> {
  await mkdir(folder, { recursive: true });
  for (let number = 1; number <= count; number++) {
    const { image, lines } = await drawReceipt(number);
    const name = path.join(folder, `receipt-${String(number).padStart(3, '0')}`);
    await writeFile(`${name}.jpg`, image);
    await writeFile(`${name}.csv`, lines.map((line) => `${formatRow(line)}\n`).join(''));
  }
  return folder;
}

function formatRow({ text, extent: [left, top, right, bottom] }: TextLine): string {
  return [left, top, right, top, right, bottom, left, bottom, text].join(',');
}

/** The receipt of that number: a page of paper that is not quite white, in not quite even light. */
export async function drawReceipt(seed: number): Promise<DrawnReceipt> {
  const random = createRandom(seed);
  const { width, height, texts } = layOut(random);
  const ink = texts.map(async (written) => {
    const { input, left, top, right, bottom } = await drawText(written);
    const room = Math.round(written.size * boxRoom);
    const extent: Extent = [left - room, top - room, right + room, bottom + room];
    return { overlay: { input, left, top }, line: { text: written.text, extent } };
  });
  const drawn = await Promise.all(ink);
  const page = await sharp({ create: { width, height, channels: 3, background: '#fff' } })
    .composite(drawn.map(({ overlay }) => overlay))
    .removeAlpha()
    .blur(0.5 + random.next() * 0.3)
    .raw()
    .toBuffer();
  const image = await sharp(underLight(page, { width, random }), { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 80 })
    .toBuffer();
  return { image, lines: drawn.map(({ line }) => line) };
}

interface Ink {
  readonly input: Buffer;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

async function drawText({ text, font, size, x, y, anchor }: Written): Promise<Ink> {
  const { family, file } = fonts[font];
  const { data: input, info } = await sharp({
    text: {
      text: `<span foreground="#222">${text}</span>`,
      font: `${family} ${size}`,
      fontfile: fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`)),
      // Points are pixels.
      dpi: 72,
      rgba: true,
    },
  })
    .png()
    .toBuffer({ resolveWithObject: true });
  const left = Math.round(x - { left: 0, middle: 0.5, right: 1 }[anchor] * info.width);
  const top = Math.round(y - info.height / 2);
  return { input, left, top, right: left + info.width, bottom: top + info.height };
}

/** Darker to one corner, with the grain of a scan. RGB, 3 bytes a pixel. */
function underLight(page: Buffer, { width, random }: { width: number; random: Random }): Buffer {
  const rowBytes = width * 3;
  const fall = (0.1 + random.next() * 0.15) / page.length;
  const grain = 4 + random.next() * 8;
  const lit = Buffer.alloc(page.length);
  let noise = 0;
  for (const [at, value] of page.entries()) {
    // The same for the three colors of a pixel.
    if (at % 3 === 0) noise = (random.next() - 0.5) * 2 * grain;
    const light = 0.97 - fall * at - 0.05 * ((at % rowBytes) / rowBytes);
    lit[at] = Math.min(255, Math.max(0, value * light + noise));
  }
  return lit;
}

const shops = ['CORNER BAKERY', 'GREEN VALLEY MARKET', 'HARBOR BOOKS', 'OLD MILL HARDWARE', 'SUNRISE PHARMACY'];
const streets = ['Jalan Merdeka', 'Station Road', 'Mill Lane', 'Orchard Street', 'Riverside Avenue'];
const towns = ['SPRINGFIELD', 'ASHBOURNE', 'KUALA TERANG', 'PORT ELLEN', 'NEWCASTLE'];
const adjectives = ['Brown', 'Fresh', 'Organic', 'Large', 'Sliced', 'Frozen', 'Small', 'Sweet'];
const nouns = ['bread', 'butter', 'tomatoes', 'green tea', 'apple juice', 'rice 5kg', 'light bulb', 'notebook A4'];

/** Rows from top to bottom as tills print them. */
function layOut(random: Random): Layout {
  const width = 560 + Math.floor(random.next() * 400);
  const size = 17 + Math.floor(random.next() * 10);
  const font = random.pick(['sans', 'mono', 'serif', 'condensed'] as const);
  const step = Math.round(size * (1.5 + random.next() * 0.4));
  const margin = Math.round(width * 0.07);
  const texts: Written[] = [];
  let y = margin + step;
  const write = (text: string, place: Partial<Written> = {}): void =>
    void texts.push({ text, font, size, x: margin, y, anchor: 'left', ...place });
  const centered = (text: string, place: Partial<Written> = {}): void => {
    write(text, { x: width / 2, anchor: 'middle', ...place });
    y += step;
  };
  const row = (left: string, right: string, place: Partial<Written> = {}): void => {
    write(left, place);
    write(right, { x: width - margin, anchor: 'right', ...place });
    y += step;
  };
  centered(random.pick(shops), { font: 'bold', size: Math.round(size * 1.5) });
  y += Math.round(step / 2);
  centered(`No. ${whole(random, 1, 99)}, ${random.pick(streets)}`);
  centered(`${whole(random, 10_000, 99_999)} ${random.pick(towns)}`);
  centered(`Tel: 03-${whole(random, 1000, 9999)} ${whole(random, 1000, 9999)}`);
  y += step;
  row(
    `Receipt ${whole(random, 100_000, 999_999)}`,
    `${two(random, 28)}/${two(random, 12)}/2026 ${two(random, 23)}:${two(random, 59)}`,
  );
  y += Math.round(step / 2);
  let total = 0;
  for (let item = whole(random, 5, 24); item > 0; item--) {
    const cents = whole(random, 50, 9999);
    total += cents;
    row(`${whole(random, 1, 9)} x ${random.pick(adjectives)} ${random.pick(nouns)}`, money(cents));
  }
  y += Math.round(step / 2);
  row('TOTAL', money(total), { font: 'bold', size: Math.round(size * 1.2) });
  row('CASH', money(Math.ceil(total / 1000) * 1000));
  row('CHANGE', money(Math.ceil(total / 1000) * 1000 - total));
  y += step;
  centered('Thank you, please come again!');
  return { width, height: y + margin, texts };
}

function whole(random: Random, least: number, most: number): number {
  return least + Math.floor(random.next() * (most - least + 1));
}

/** From 1 to `most`, with two digits. */
function two(random: Random, most: number): string {
  return String(whole(random, 1, most)).padStart(2, '0');
}

function money(cents: number): string {
  return (cents / 100).toFixed(2);
}
