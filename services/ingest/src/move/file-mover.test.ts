import type { JobState } from '@glyphmill/core/store';
import { Term } from '@glyphmill/core/leader';
import { Registry } from '@glyphmill/core/metrics';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { expect, test, vi } from 'vitest';
import { createIngestMetrics } from '../ingest-metrics.ts';
import { FileMover } from './file-mover.ts';

test('files whose jobs were deleted leave room for others, however often scans tell of them', async () => {
  const term = new Term({ wallMs: Date.now() + 600_000, monotonicMs: performance.now() + 600_000 });
  const states = vi.fn<(ids: readonly string[]) => Promise<Map<string, JobState>>>((ids) =>
    Promise.resolve(new Map(ids.filter((id) => id.startsWith('job')).map((id) => [id, 'queued'] as const))),
  );
  const mover = new FileMover({
    inbox: '/nowhere',
    store: {
      states,
      get: () => Promise.resolve(undefined),
      inboxFiles: () => Promise.resolve(new Map()),
      markInboxFilesMoved: () => Promise.resolve(),
    },
    leader: { term: () => Promise.resolve(term) },
    metrics: createIngestMetrics({ registry: new Registry(), gauges: () => ({}) as never }),
    logger: createLogRecorder().logger,
  });
  const scan = () => {
    for (let n = 0; n < 5_000; n += 1) mover.note(`${n}.png`, `deleted ${n}`);
  };
  const asksFor = (id: string) =>
    vi.waitFor(() => expect(states.mock.calls.flat(2)).toContain(id), { timeout: 15_000 });
  scan();
  await asksFor('deleted 4999');
  scan();
  mover.note('new.png', 'job 1');
  await asksFor('job 1');
  await mover.stop();
});
