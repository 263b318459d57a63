import type { JobsCommand } from './jobs-options.ts';
import type { JobsSurroundings } from './jobs-surroundings.ts';
import { formatListRow, listHeader } from './print-jobs.ts';

/** Prints jobs as the pages come. Returns the exit code. */
export async function runList(
  { states, batch, limit }: Extract<JobsCommand, { name: 'list' }>,
  { client, printer, signal }: JobsSurroundings,
): Promise<number> {
  let isFirst = true;
  for await (const jobs of client.list({ states, batch }, { limit })) {
    for (const job of jobs) {
      await printer.result(`${isFirst ? listHeader : ''}${formatListRow(job)}`, job);
      isFirst = false;
    }
    if (signal.aborted) break;
  }
  if (isFirst) printer.note('No jobs');
  return 0;
}
