import sharp from 'sharp';
import type { Mask } from './canvas.ts';
import { drawPixelText } from './pixel-font.ts';

/**
 * Draws texts with the system's fonts (whatever scripts they cover, Chinese and Japanese included). On a machine
 * without any font the renderer draws the same empty box for every character; then our own dots are used, which
 * are readable for ASCII.
 */
export async function createTextRenderer(): Promise<(text: string, heightPx: number) => Promise<Mask>> {
  const fontsExist = await systemFontsExist();
  return async (text, heightPx) => {
    const mask = fontsExist ? await drawSystemText(text, heightPx) : undefined;
    return mask ?? drawPixelText(text, Math.max(1, Math.round(heightPx / 8)));
  };
}

async function systemFontsExist(): Promise<boolean> {
  const [wide, narrow] = await Promise.all([drawSystemText('W', 20), drawSystemText('i', 20)]);
  return wide !== undefined && narrow !== undefined && wide.width !== narrow.width;
}

/** Undefined where the renderer cannot: a label is not worth a failed picture. */
async function drawSystemText(text: string, heightPx: number): Promise<Mask | undefined> {
  // At 72 dpi a point is a pixel. The text is Pango markup, so its special characters are escaped.
  const markup = text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll(/\p{Cc}/gu, ' ');
  try {
    const { data, info } = await sharp({ text: { text: markup, font: `sans ${Math.round(heightPx * 0.8)}`, dpi: 72 } })
      .extractChannel(0)
      .raw()
      .toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch {
    return undefined;
  }
}
