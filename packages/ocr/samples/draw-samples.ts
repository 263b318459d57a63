/** Draws every sample picture beside this file, and the text that is on it as `<picture>.expected.txt`. */
import { writeFile } from 'node:fs/promises';
import { registerFonts } from './fonts.ts';
import { drawSamples } from './samples.ts';

registerFonts();
for (const { file, pages, encode, lines } of drawSamples()) {
  const image = await encode(...pages);
  await writeFile(new URL(file, import.meta.url), image);
  await writeFile(new URL(`${file}.expected.txt`, import.meta.url), lines.map((line) => `${line}\n`).join(''));
  console.log(`${String(image.length).padStart(7)}  ${file}`);
}
