import { parseArgs } from 'node:util';
import { oneFolder, wholeNumber, type Surroundings } from './bench-surroundings.ts';
import { drawReceipts } from './drawn-receipts.ts';

export const drawUsage = `Draws receipts with truth beside them, the same texts on every machine, for those who have no images at hand.

Usage: npm run bench -- draw DIR [options]

  --count N   how many (default 40)
`;

export async function runDraw(args: readonly string[], { cwd, print }: Surroundings): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { count: { type: 'string' } },
  });
  const folder = oneFolder(positionals, cwd);
  await drawReceipts(folder, wholeNumber('--count', values.count, 1));
  print(`Drawn into ${folder}`);
}
