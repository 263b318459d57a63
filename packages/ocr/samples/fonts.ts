import { fileURLToPath } from 'node:url';
import { GlobalFonts } from '@napi-rs/canvas';

/**
 * Font families of free licences. Each comes from a package, and under a name of its own that no font of the machine
 * has, so that every machine draws the same pixels.
 */
export const fonts = {
  sans: 'sample sans',
  bold: 'sample bold',
  serif: 'sample serif',
  mono: 'sample mono',
  chinese: 'sample chinese',
  japanese: 'sample japanese',
} as const;

const files: Readonly<Record<keyof typeof fonts, string>> = {
  sans: 'dejavu-fonts-ttf/ttf/DejaVuSans.ttf',
  bold: 'dejavu-fonts-ttf/ttf/DejaVuSans-Bold.ttf',
  serif: 'dejavu-fonts-ttf/ttf/DejaVuSerif.ttf',
  mono: 'dejavu-fonts-ttf/ttf/DejaVuSansMono-Bold.ttf',
  chinese: '@expo-google-fonts/noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf',
  japanese: '@expo-google-fonts/noto-sans-jp/400Regular/NotoSansJP_400Regular.ttf',
};

export function registerFonts(): void {
  for (const key of Object.keys(files) as (keyof typeof fonts)[]) {
    if (!GlobalFonts.registerFromPath(fileURLToPath(import.meta.resolve(files[key])), fonts[key])) {
      throw new Error(`cannot read the font ${files[key]}`);
    }
  }
}
