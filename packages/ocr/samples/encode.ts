import sharp, { type Sharp } from 'sharp';
import type { Pixels } from './sheet.ts';

/** Turns pixels into the bytes of an image file. */
export type Encode = (...pages: readonly Pixels[]) => Promise<Buffer>;

function open({ data, width, height }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels: 4 } });
}

/** What JPEG and GIF need: no alpha. */
function opaque(pixels: Pixels): Sharp {
  return open(pixels).removeAlpha();
}

function only(pages: readonly Pixels[]): Pixels {
  const [page] = pages;
  if (page === undefined || pages.length !== 1) {
    throw new Error('this format takes one page');
  }
  return page;
}

const jpegSettings = { quality: 72, mozjpeg: false } as const;

/** 8 bits a channel with alpha. */
export const alphaPng: Encode = (...pages) => open(only(pages)).png({ compressionLevel: 9 }).toBuffer();

/** Few colors: how the bigger pictures stay small. */
export const palettePng =
  (colors: number): Encode =>
  (...pages) =>
    opaque(only(pages)).png({ palette: true, colors, dither: 0, effort: 10, compressionLevel: 9 }).toBuffer();

export const sixteenBitPng: Encode = (...pages) =>
  opaque(only(pages)).toColourspace('rgb16').png({ compressionLevel: 9 }).toBuffer();

export const jpeg: Encode = (...pages) => opaque(only(pages)).jpeg(jpegSettings).toBuffer();

export const grayJpeg: Encode = (...pages) => opaque(only(pages)).toColourspace('b-w').jpeg(jpegSettings).toBuffer();

export const cmykJpeg: Encode = (...pages) => opaque(only(pages)).toColourspace('cmyk').jpeg(jpegSettings).toBuffer();

export const progressiveJpeg: Encode = (...pages) =>
  opaque(only(pages))
    .jpeg({ ...jpegSettings, progressive: true })
    .toBuffer();

export const webp: Encode = (...pages) => opaque(only(pages)).webp({ quality: 80 }).toBuffer();

export const avif: Encode = (...pages) => opaque(only(pages)).avif({ quality: 60 }).toBuffer();

/** As many frames as pages. */
export const gif: Encode = async (...pages) => {
  const frames = await Promise.all(pages.map((page) => opaque(page).png().toBuffer()));
  return sharp(frames, { join: { animated: true } })
    .gif({ colors: 32, dither: 0, delay: frames.map(() => 500) })
    .toBuffer();
};

/** As many pages as pages. */
export const tiff: Encode = async (...pages) => {
  const sheets = await Promise.all(pages.map((page) => opaque(page).png().toBuffer()));
  return sharp(sheets, { join: { animated: true } })
    .tiff({ compression: 'lzw', predictor: 'horizontal' })
    .toBuffer();
};

/** A JPEG as a turned camera writes it: stored turned, with the EXIF orientation (1 to 8) that turns it upright. */
export const exifJpeg =
  (orientation: number): Encode =>
  async (...pages) => {
    const raw = { raw: { width: only(pages).width, height: only(pages).height, channels: 4 as const } };
    const upright = sharp(only(pages).data, raw);
    // sharp mirrors before it turns, whatever the order of the calls.
    const turns: readonly ((image: Sharp) => Sharp)[] = [
      (image) => image,
      (image) => image.flop(),
      (image) => image.rotate(180),
      (image) => image.flip(),
      (image) => image.rotate(270).flop(),
      (image) => image.rotate(270),
      (image) => image.rotate(90).flop(),
      (image) => image.rotate(90),
    ];
    const turn = turns[orientation - 1];
    if (turn === undefined) {
      throw new Error(`there is no EXIF orientation ${orientation}`);
    }
    return turn(upright).removeAlpha().withMetadata({ orientation }).jpeg(jpegSettings).toBuffer();
  };
