import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { UsageError, wholeNumber, type Surroundings } from '../bench-surroundings.ts';
import { loadDrawnPages } from '../drawn-pages.ts';
import { formatTable } from '../table.ts';
import { type Footprint, footprintFile } from './footprint.ts';
import { measureFootprint } from './measure-footprint.ts';

export const footprintUsage = `Measures what a job asks of Redis and Postgres, with real processes, and keeps it in bench/footprint.json, which
docs/capacity.md is reckoned from. Only counts and sizes: how fast the machine is does not matter.

Usage: npm run bench -- footprint [options]

  --pages N     jobs that are read (default 200)
  --waiting N   jobs that wait while Redis' memory is looked at, in thousands (default 10)
  --idle N      seconds that the servers are watched while nothing is done (default 30)
`;

export async function runFootprint(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: { pages: { type: 'string' }, waiting: { type: 'string' }, idle: { type: 'string' } },
  });
  if (positionals.length > 0) throw new UsageError('This takes no folder of images');
  const measured = await measureFootprint(
    {
      images: await loadDrawnPages(),
      pages: wholeNumber('--pages', values.pages, 1) ?? 200,
      waitingBatches: wholeNumber('--waiting', values.waiting, 1) ?? 10,
      idleSeconds: wholeNumber('--idle', values.idle, 1) ?? 30,
    },
    surroundings,
  );
  const rounded = roundAll(measured);
  await writeFile(footprintFile, `${JSON.stringify(rounded, undefined, 2)}\n`);
  const rows = Object.entries(rounded).flatMap(([server, figures]) =>
    Object.entries(figures).map(([name, value]) => [`${server} ${name}`, String(value)]),
  );
  surroundings.print(formatTable([['footprint', ''], ...rows]));
}

/** To three digits: more are chance. */
function roundAll(footprint: Footprint): Footprint {
  return JSON.parse(
    JSON.stringify(footprint, (_key, value: unknown) =>
      typeof value === 'number' ? Number(value.toPrecision(3)) : value,
    ),
  ) as Footprint;
}
