import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { extentOf, type TextLine } from './score.ts';

/** Corner coordinates before the text in each row. */
const coordinateCount = 8;

/**
 * Reads `x1,y1,x2,y2,x3,y3,x4,y4,TEXT` rows (the text may hold commas); rows without text are left out.
 * Throws when a row is something else.
 */
export function parseTruth(csv: string): TextLine[] {
  const rows = csv
    .replace(/^\uFEFF/, '')
    .split('\n')
    .filter((row) => row.trim() !== '');
  return rows.map(parseRow).filter(({ text }) => text !== '');
}

function parseRow(row: string): TextLine {
  const cells = row.split(',');
  const numbers = cells.slice(0, coordinateCount).map(Number);
  if (numbers.length < coordinateCount || numbers.some((value) => !Number.isFinite(value))) {
    throw new Error(`Not a row of a truth file: ${row.slice(0, 80)}`);
  }
  const points = [0, 2, 4, 6].map((i) => [numbers[i] ?? 0, numbers[i + 1] ?? 0] as const);
  return { text: cells.slice(coordinateCount).join(',').trim(), extent: extentOf(points) };
}

/** The truth of an image: in the given folder, else beside the image, else in ../truth; undefined where there is none. */
export async function findTruth(imagePath: string, truthDir: string | undefined): Promise<TextLine[] | undefined> {
  const { dir, name } = path.parse(imagePath);
  for (const folder of truthDir === undefined ? [dir, path.join(dir, '..', 'truth')] : [truthDir]) {
    const csv = await readFile(path.join(folder, `${name}.csv`), 'utf8').catch(() => undefined);
    if (csv !== undefined) return parseTruth(csv);
  }
  return undefined;
}
