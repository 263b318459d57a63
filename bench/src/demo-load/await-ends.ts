import { setTimeout as delay } from 'node:timers/promises';
import type { DemoClient } from './demo-client.ts';
import type { SentJob } from './demo-sources.ts';
import type { Tally } from './tally.ts';

/** Dead URLs are tried three times, the last time half a minute after the second. */
const patienceMs = 60_000;
const pauseMs = 1000;

/** Counts the jobs by how they have ended; those that have not by then, by the state that they are in. */
export async function awaitEnds({
  client,
  tally,
  jobs,
}: {
  readonly client: Pick<DemoClient, 'stateOf'>;
  readonly tally: Tally;
  readonly jobs: readonly SentJob[];
}): Promise<void> {
  const until = performance.now() + patienceMs;
  for (let open = jobs; open.length > 0;) {
    const isLastLook = performance.now() >= until;
    const stillOpen: SentJob[] = [];
    for (const job of open) {
      const state = await client.stateOf(job.id);
      const hasEnded = state !== undefined && !/^(queued|active)/.test(state);
      if (hasEnded || isLastLook) tally.count(job.sent, state ?? 'not known');
      else stillOpen.push(job);
    }
    open = stillOpen;
    if (open.length > 0) await delay(pauseMs);
  }
}
