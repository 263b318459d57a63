import type { Lane } from '@glyphmill/core/queue';
import type { QueueView } from '@glyphmill/core/queue-view';

export interface QueueStatus {
  readonly lanes: readonly { readonly lane: Lane; readonly depth: Awaited<ReturnType<QueueView['depth']>> }[];
  readonly workers: Awaited<ReturnType<QueueView['workers']>>;
}

const shownLanes = ['interactive', 'bulk'] as const satisfies readonly Lane[];

/** What Redis tells; `away` where it does not answer. */
export async function readQueueStatus(queue: QueueView): Promise<QueueStatus | 'away'> {
  try {
    const [workers, ...lanes] = await Promise.all([
      queue.workers(),
      ...shownLanes.map(async (lane) => ({ lane, depth: await queue.depth(lane) })),
    ]);
    return { workers, lanes };
  } catch {
    return 'away';
  }
}
