import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeImage, drawPictures, type Image, resizeImage, sniffFormat } from './image.ts';
import { fromEngineSchema } from './pool/engine-protocol.ts';
import { webpSize } from './pool/webp-size.ts';
import { defaultImageLimits, type PagePictures } from './types.ts';

const { width, height } = { width: 60, height: 40 };
let page: Buffer;
let tiff: Buffer;

/** A blank page. */
function blank(pixelsWide: number, pixelsHigh: number): Image {
  return { data: new Uint8Array(pixelsWide * pixelsHigh * 3), width: pixelsWide, height: pixelsHigh };
}

/** Left half black, right half white; the first rows red, so that every turn can be told. */
beforeAll(async () => {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const color = y < 10 ? [255, 0, 0] : x < width / 2 ? [0, 0, 0] : [255, 255, 255];
      data.set(color, (y * width + x) * 3);
    }
  }
  page = await sharp(data, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  tiff = await sharp(page).tiff().toBuffer();
});

async function colorAt(bytes: Uint8Array, x: number, y: number): Promise<number[]> {
  const { image } = await decodeImage(bytes, defaultImageLimits);
  return [...image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3)];
}

function looksLike(color: readonly number[]): (value: unknown) => boolean {
  return (value) => Array.isArray(value) && color.every((c, i) => Math.abs(c - Number(value[i])) < 40);
}

describe('decodeImage', () => {
  it.each([
    ['JPEG', (image: Sharp) => image.jpeg({ quality: 95 })],
    ['progressive JPEG', (image: Sharp) => image.jpeg({ progressive: true, quality: 95 })],
    ['PNG', (image: Sharp) => image.png()],
    ['palette PNG', (image: Sharp) => image.png({ palette: true })],
    ['16 bit PNG', (image: Sharp) => image.toColourspace('rgb16').png()],
    ['WebP', (image: Sharp) => image.webp({ quality: 95 })],
    ['TIFF', (image: Sharp) => image.tiff()],
    ['GIF', (image: Sharp) => image.gif()],
    ['AVIF', (image: Sharp) => image.avif({ quality: 90 })],
  ])('reads the pixels of a %s', async (_, encode) => {
    const bytes = await encode(sharp(page)).toBuffer();
    expect(await colorAt(bytes, 5, 3)).toSatisfy(looksLike([255, 0, 0]));
    expect(await colorAt(bytes, 5, 30)).toSatisfy(looksLike([0, 0, 0]));
    expect(await colorAt(bytes, 55, 30)).toSatisfy(looksLike([255, 255, 255]));
  });

  it.each([
    ['gray', 'b-w'],
    ['CMYK', 'cmyk'],
  ] as const)('turns %s into RGB', async (_, space) => {
    const bytes = await sharp(page).toColourspace(space).jpeg().toBuffer();
    expect(await colorAt(bytes, 5, 30)).toSatisfy(looksLike([0, 0, 0]));
    expect(await colorAt(bytes, 55, 30)).toSatisfy(looksLike([255, 255, 255]));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('turns EXIF orientation %i upright', async (orientation) => {
    // How the sensor saw a page that orientation n turns upright again: turned, then mirrored.
    const turns = [0, 0, 180, 180, 90, 270, 270, 90];
    const isMirrored = [2, 4, 5, 7].includes(orientation);
    const rotated = await sharp(page)
      .rotate(turns[orientation - 1])
      .png()
      .toBuffer();
    const stored = await sharp(rotated).flop(isMirrored).png().toBuffer();
    const bytes = await sharp(stored).withMetadata({ orientation }).jpeg({ quality: 95 }).toBuffer();
    const decoded = await decodeImage(bytes, defaultImageLimits);
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    expect(await colorAt(bytes, 5, 3)).toSatisfy(looksLike([255, 0, 0]));
    expect(await colorAt(bytes, 5, 30)).toSatisfy(looksLike([0, 0, 0]));
  });

  it.each([
    ['dark text gets white', ['#111111'], [255, 255, 255]],
    ['white text gets black', ['#ffffff'], [0, 0, 0]],
    ['both get gray', ['#ffffff', '#000000'], [110, 110, 110]],
  ])('puts a background under transparency: %s', async (_, colors, expected) => {
    const bars = colors.map((background, i) => ({
      input: { create: { width: 30, height: 8, channels: 3 as const, background } },
      left: 10,
      top: 4 + i * 14,
    }));
    const transparent = { r: 0, g: 0, b: 0, alpha: 0 };
    const bytes = await sharp({ create: { width: 50, height: 40, channels: 4, background: transparent } })
      .composite(bars)
      .png()
      .toBuffer();
    expect(await colorAt(bytes, 2, 38)).toEqual(expected);
  });

  it('shrinks a page that is larger than needed, and still tells its own size', async () => {
    const decoded = await decodeImage(page, defaultImageLimits, () => 30);
    expect([decoded.image.width, decoded.image.height]).toEqual([30, 20]);
    expect([decoded.width, decoded.height]).toEqual([60, 40]);
  });

  it.each([
    ['nothing', () => new Uint8Array(), 'image_unreadable'],
    ['text', () => Buffer.from('hello, I am no image at all'), 'image_unsupported'],
    ['SVG', () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'), 'image_unsupported'],
    ['PDF', () => Buffer.from('%PDF-1.7\n1 0 obj'), 'image_unsupported'],
    ['a truncated PNG', () => page.subarray(0, page.length - 30), 'image_unreadable'],
    ['a header without an image', () => page.subarray(0, 20), 'image_unreadable'],
    ['a truncated TIFF', () => tiff.subarray(0, tiff.length - 90), 'image_unreadable'],
    [
      'a broken JPEG',
      () => Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.alloc(99)]),
      'image_unreadable',
    ],
  ])('refuses %s with its code', async (_, bytes, code) => {
    await expect(decodeImage(bytes(), defaultImageLimits)).rejects.toMatchObject({ name: 'EngineError', code });
  });

  it('refuses too many bytes and too many pixels before it decodes', async () => {
    const tooManyBytes = decodeImage(page, { ...defaultImageLimits, maxImageBytes: page.length - 1 });
    await expect(tooManyBytes).rejects.toMatchObject({ code: 'image_too_large' });
    const tooManyPixels = decodeImage(page, { ...defaultImageLimits, maxImagePixels: width * height - 1 });
    await expect(tooManyPixels).rejects.toMatchObject({ code: 'image_too_large' });
    await expect(decodeImage(page, { ...defaultImageLimits, maxImagePixels: width * height })).resolves.toBeDefined();
  });
});

describe('sniffFormat', () => {
  it('does not take HEIC for AVIF', () => {
    expect(sniffFormat(Buffer.from('\0\0\0\x18ftypheic\0\0\0\0', 'latin1'))).toBeUndefined();
  });
});

describe('drawPictures', () => {
  it.each([
    ['a large page', 3000, 2000, [1600, 1067], [320, 213]],
    ['a tall page', 400, 4000, [160, 1600], [32, 320]],
    ['a page as thin as a hair', 9000, 2, [1600, 1], [320, 1]],
    ['a page that need only be a smaller thumbnail', 640, 480, [640, 480], [320, 240]],
    ['a tiny page, which is not enlarged', 20, 10, [20, 10], [20, 10]],
    ['one pixel', 1, 1, [1, 1], [1, 1]],
  ])('fits %s', async (_, pixelsWide, pixelsHigh, previewSize, thumbnailSize) => {
    const { preview, thumbnail } = await drawPictures(blank(pixelsWide, pixelsHigh));
    expect([webpSize(preview), webpSize(thumbnail)]).toEqual(
      [previewSize, thumbnailSize].map(([w, h]) => ({ width: w, height: h })),
    );
  });

  it('draws what the boxes are drawn on: upright, without metadata', async () => {
    const sideways = await sharp(page).rotate(270).png().toBuffer();
    const exif = { IFD0: { Copyright: 'who took it' } };
    const bytes = await sharp(sideways)
      .withExif(exif)
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 95 })
      .toBuffer();
    expect(await sharp(bytes).metadata()).toMatchObject({
      orientation: 6,
      exif: expect.anything(),
      icc: expect.anything(),
    });
    const decoded = await decodeImage(bytes, defaultImageLimits);
    const { preview } = await drawPictures(decoded.image);
    expect([decoded.width, decoded.height]).toEqual([width, height]);
    expect(webpSize(preview)).toEqual({ width, height });
    expect(await colorAt(preview, 5, 3)).toSatisfy(looksLike([255, 0, 0]));
    expect(await colorAt(preview, 5, 30)).toSatisfy(looksLike([0, 0, 0]));
    const { exif: kept, icc, xmp, orientation } = await sharp(preview).metadata();
    expect([kept, icc, xmp, orientation]).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('draws transparent pages over the background that they were read over', async () => {
    const bars = [{ input: { create: { width: 30, height: 8, channels: 3 as const, background: '#ffffff' } } }];
    const transparent = { r: 0, g: 0, b: 0, alpha: 0 };
    const bytes = await sharp({ create: { width: 50, height: 40, channels: 4, background: transparent } })
      .composite(bars)
      .png()
      .toBuffer();
    const { preview } = await drawPictures((await decodeImage(bytes, defaultImageLimits)).image);
    expect(await colorAt(preview, 2, 38)).toSatisfy(looksLike([0, 0, 0]));
    expect((await sharp(preview).metadata()).hasAlpha).toBe(false);
  });

  it('draws the worst page within what the pool takes', async () => {
    const noise = blank(1600, 1600);
    let state = 1;
    for (let i = 0; i < noise.data.length; i++) noise.data[i] = (state = (state * 48_271) % 2_147_483_647) & 255;
    const pictures = await drawPictures(noise);
    expect(fromEngineSchema.safeParse(answerWith(pictures)).error).toBeUndefined();
  });
});

function answerWith(pictures: PagePictures): unknown {
  const timings = { decode: 0, detect: 0, classify: 0, recognize: 0, draw: 0, total: 0 };
  const result = { width: 1600, height: 1600, lines: [], timings, pictures };
  return { type: 'result', id: 1, result, usage: { rssBytes: 1, cpuSeconds: 1 } };
}

it('resizes to exactly the size asked for', async () => {
  const { image } = await decodeImage(page, defaultImageLimits);
  const resized = await resizeImage(image, 32, 96);
  expect([resized.width, resized.height, resized.data.length]).toEqual([32, 96, 32 * 96 * 3]);
});
