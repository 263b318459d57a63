import sharp, { type Metadata, type OutputInfo, type Sharp } from 'sharp';
import { EngineError } from './engine-error.ts';
import { type ImageLimits, type PagePictures, pictureSides } from './types.ts';

/** Pixels of an upright page: RGB, 8 bit, row by row (HWC). */
export interface Image {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** A decoded page, and the size that it has at full resolution. */
export interface DecodedImage {
  /** Possibly smaller than the page itself; see `workingSide`. */
  readonly image: Image;
  /** Size of the upright page in its own pixels: boxes are reported in these. */
  readonly width: number;
  readonly height: number;
}

// Only these loaders can be reached, whatever the bytes claim to be: the rest (SVG, PDF, ImageMagick, raw camera …)
// is attack surface that no user asked for. Files are never opened by name, so the file loaders stay blocked too.
const allowedLoaders = [
  'VipsForeignLoadJpegBuffer',
  'VipsForeignLoadPngBuffer',
  'VipsForeignLoadWebpBuffer',
  'VipsForeignLoadTiffBuffer',
  'VipsForeignLoadNsgifBuffer',
  'VipsForeignLoadHeifBuffer',
];
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: allowedLoaders });
// An engine process owns one core: more threads would only fight for it, and no operation is ever repeated.
sharp.concurrency(1);
sharp.cache(false);

type Format = 'jpeg' | 'png' | 'webp' | 'tiff' | 'gif' | 'avif';

/** Magic bytes at an offset, as Latin-1 text. */
const signatures: readonly { readonly format: Format; readonly at: number; readonly bytes: string }[] = [
  { format: 'jpeg', at: 0, bytes: '\xff\xd8\xff' },
  { format: 'png', at: 0, bytes: '\x89PNG\r\n\x1a\n' },
  { format: 'webp', at: 8, bytes: 'WEBP' },
  { format: 'gif', at: 0, bytes: 'GIF87a' },
  { format: 'gif', at: 0, bytes: 'GIF89a' },
  { format: 'tiff', at: 0, bytes: 'II*\0' },
  { format: 'tiff', at: 0, bytes: 'MM\0*' },
  { format: 'avif', at: 4, bytes: 'ftypavif' },
  { format: 'avif', at: 4, bytes: 'ftypavis' },
  { format: 'avif', at: 4, bytes: 'ftypmif1' },
];

/** The format that the first bytes announce; undefined for anything that is not read here. */
export function sniffFormat(bytes: Uint8Array): Format | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString('latin1');
  return signatures.find(({ at, bytes: magic }) => head.startsWith(magic, at))?.format;
}

/**
 * Decodes the first page or frame of a JPEG, PNG, WebP, TIFF, GIF or AVIF image, turned upright by its EXIF orientation.
 *
 * `workingSide(width, height)` says how long the longer side of the pixels may be; a larger page is shrunk while it is
 * decoded (JPEG does that almost for free).
 *
 * Throws `EngineError`: `image_unreadable` (empty, corrupt, truncated), `image_unsupported`, `image_too_large`.
 */
export async function decodeImage(
  bytes: Uint8Array,
  limits: ImageLimits,
  workingSide: (width: number, height: number) => number = Math.max,
): Promise<DecodedImage> {
  if (bytes.length === 0) throw new EngineError('image_unreadable', 'The image is empty');
  if (bytes.length > limits.maxImageBytes) {
    throw new EngineError('image_too_large', `The image has more than ${limits.maxImageBytes} bytes`);
  }
  const format = sniffFormat(bytes);
  if (format === undefined) {
    throw new EngineError('image_unsupported', 'Not a JPEG, PNG, WebP, TIFF, GIF or AVIF image');
  }
  try {
    return await decode(bytes, limits, workingSide);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    const message = error instanceof Error ? error.message : '';
    // HEIC shares AVIF's container; its decoder is not part of the build.
    if (/decoding plugin|codec/i.test(message)) {
      throw new EngineError('image_unsupported', 'The image uses a codec that is not supported', { cause: error });
    }
    throw new EngineError('image_unreadable', 'The image is corrupt or truncated', { cause: error });
  }
}

async function decode(
  bytes: Uint8Array,
  limits: ImageLimits,
  workingSide: (width: number, height: number) => number,
): Promise<DecodedImage> {
  // The pixel limit is checked below on the header, so that it has its own code; sharp's own check stays as a net.
  const input = sharp(bytes, { failOn: 'error', limitInputPixels: limits.maxImagePixels + 1, sequentialRead: true });
  const { autoOrient: upright, hasAlpha, depth } = await readHeader(input, limits);
  // Their range is anybody's guess: 0..1 would be read as black.
  if (depth === 'float' || depth === 'double') {
    throw new EngineError('image_unsupported', 'Images with floating-point pixels are not supported');
  }
  const side = Math.min(workingSide(upright.width, upright.height), Math.max(upright.width, upright.height));
  const scale = side / Math.max(upright.width, upright.height);
  let pipeline = input.autoOrient();
  if (scale < 1) {
    const width = Math.max(1, Math.round(upright.width * scale));
    const height = Math.max(1, Math.round(upright.height * scale));
    pipeline = pipeline.resize(width, height, { fit: 'fill', kernel: 'linear' });
  }
  pipeline = pipeline.toColourspace('srgb');
  // A fourth channel that is alpha is kept until the background is chosen.
  const { data, info } = await (hasAlpha ? pipeline.ensureAlpha() : pipeline.removeAlpha())
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return { image: toRgb(data, info), width: upright.width, height: upright.height };
}

async function readHeader(input: Sharp, limits: ImageLimits): Promise<Metadata> {
  let metadata: Metadata;
  try {
    metadata = await input.metadata();
  } catch (error) {
    if (error instanceof Error && /pixel limit|dimension|exceed/i.test(error.message))
      throw tooManyPixels(limits, error);
    throw error;
  }
  if (metadata.width * metadata.height > limits.maxImagePixels) throw tooManyPixels(limits);
  return metadata;
}

function tooManyPixels(limits: ImageLimits, cause?: Error): EngineError {
  return new EngineError('image_too_large', `The image has more than ${limits.maxImagePixels} pixels`, { cause });
}

function toRgb(data: Uint8Array, info: OutputInfo): Image {
  const { width, height, channels } = info;
  if (channels === 3) return { data, width, height };
  const pixels = width * height;
  const rgb = new Uint8Array(pixels * 3);
  if (channels === 4) {
    flatten(data, rgb, backgroundFor(data, width, height));
  } else {
    for (let i = 0, o = 0; o < rgb.length; i += channels, o += 3) rgb[o] = rgb[o + 1] = rgb[o + 2] = data[i]!;
  }
  return { data: rgb, width, height };
}

/** Lays RGBA pixels over a gray background. */
function flatten(rgba: Uint8Array, rgb: Uint8Array, background: number): void {
  for (let i = 0, o = 0; i < rgba.length; i += 4, o += 3) {
    const alpha = rgba[i + 3]!;
    const rest = background * (255 - alpha);
    rgb[o] = (rgba[i]! * alpha + rest + 127) / 255;
    rgb[o + 1] = (rgba[i + 1]! * alpha + rest + 127) / 255;
    rgb[o + 2] = (rgba[i + 2]! * alpha + rest + 127) / 255;
  }
}

/**
 * The gray (0..255) to put under transparent pixels. White, as everybody expects, unless what borders on transparency
 * is itself light and would vanish (white text for a dark page): then black, or mid gray where both kinds occur.
 */
function backgroundFor(rgba: Uint8Array, width: number, height: number): number {
  let light = 0;
  let dark = 0;
  for (let y = 0; y < height; y++) {
    for (let x = 1, i = (y * width + 1) * 4; x < width; x++, i += 4) {
      const here = rgba[i + 3]! >= 128;
      if (here === rgba[i - 1]! >= 128) continue;
      const edge = here ? i : i - 4;
      // BT.601 luma in 1/1000.
      const luma = 299 * rgba[edge]! + 587 * rgba[edge + 1]! + 114 * rgba[edge + 2]!;
      if (luma > 170_000) light++;
      else dark++;
    }
  }
  const edges = light + dark;
  if (light < edges * 0.1 || edges === 0) return 255;
  return dark < edges * 0.1 ? 0 : 110;
}

/** Resizes to exactly `width` × `height`. */
export async function resizeImage(image: Image, width: number, height: number): Promise<Image> {
  if (image.width === width && image.height === height) return image;
  const data = await fromPixels(image).resize(width, height, { fit: 'fill', kernel: 'linear' }).raw().toBuffer();
  return { data, width, height };
}

/** Draws a page for people, see `pictureSides`: WebP of its pixels alone, without metadata. */
export async function drawPictures(page: Image): Promise<PagePictures> {
  const preview = await fitInto(page, pictureSides.preview);
  const thumbnail = await fitInto(preview, pictureSides.thumbnail);
  return { preview: await encodePicture(preview), thumbnail: await encodePicture(thumbnail) };
}

function fitInto(image: Image, longestSide: number): Promise<Image> {
  const scale = Math.min(1, longestSide / Math.max(image.width, image.height));
  const scaled = (side: number): number => Math.max(1, Math.round(side * scale));
  return resizeImage(image, scaled(image.width), scaled(image.height));
}

/** More effort would make files a fifth smaller and take the engine, which waits, three times as long. */
function encodePicture(image: Image): Promise<Uint8Array> {
  return fromPixels(image).webp({ quality: 75, effort: 1 }).toBuffer();
}

function fromPixels({ data, width, height }: Image): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: false });
}
