import { expect, test } from 'vitest';
import { countUnfinished } from './src/audit.ts';
import { patience } from './src/durable-stack.ts';
import { eventually } from './src/eventually.ts';
import { Ledger } from './src/ledger.ts';
import type { ServiceProcess } from './src/service-process.ts';
import { Stack } from './src/stack.ts';

const workers = 4;
const jobs = 60;
/** Reading the rest is all that takes time, on a machine that may have less cores than workers. */
const restMs = 150_000;

async function pagesStoredBy(stack: Stack, { opsPort }: ServiceProcess): Promise<number> {
  const { text } = await stack.sendOps(opsPort, '/metrics');
  return Number(/^glyphmill_durable_runs_total\{[^}]*outcome="stored"[^}]*\} (\d+)/m.exec(text)?.[1] ?? 0);
}

test(
  'workers on one Redis and Postgres share a backlog, and half of them may be killed',
  { timeout: 2 * restMs },
  async () => {
    const stack = await Stack.start({ workers, database: 'postgres', env: patience });
    const ledger = await Ledger.open(stack, ['giftCard', 'small']);
    try {
      await Promise.all([ledger.submitBatch('giftCard', jobs / 2), ledger.submitBatch('small', jobs / 2)]);
      await eventually(
        async () =>
          (await Promise.all(stack.workers.map((worker) => pagesStoredBy(stack, worker)))).every((pages) => pages > 0),
        { timeoutMs: restMs, everyMs: 50, what: 'each worker to have stored a page' },
      );
      // They were killed in the middle, or this would prove nothing.
      expect(await countUnfinished(ledger.database)).toBeGreaterThan(workers);
      await Promise.all(stack.workers.slice(0, workers / 2).map((worker) => worker.kill()));
      await ledger.settle('half of the workers killed', { endedAt: Date.now(), withinMs: restMs });
      expect(ledger.entries.filter(({ fate }) => fate === 'accepted')).toHaveLength(jobs + 2);
      expect(stack.runningWorkers()).toHaveLength(workers / 2);
    } finally {
      await ledger.close();
      await stack.stop();
    }
  },
);
