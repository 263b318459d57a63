import type { InboxStatus } from '@glyphmill/core/inbox';
import type { Leader } from '@glyphmill/core/leader';
import type { InboxCounts, JobStore } from '@glyphmill/core/store';
import type { InboxScanner } from './inbox-scanner.ts';
import type { FileTaker } from './take/file-taker.ts';
import type { WaitingFiles } from './take/waiting-files.ts';

export interface StatusSourceOptions {
  readonly inbox: string;
  readonly after: InboxStatus['after'];
  readonly store: Pick<JobStore, 'countInboxFiles'>;
  readonly leader: Pick<Leader, 'isLeading'>;
  readonly scanner: Pick<InboxScanner, 'isReadable' | 'isScanning' | 'isWatching' | 'report'>;
  readonly taker: Pick<FileTaker, 'isPaused'>;
  readonly waiting: Pick<WaitingFiles, 'size'>;
}

export interface StatusSource {
  status(): Promise<InboxStatus>;
}

const countEveryMs = 500;
/** Counting 100,000 files takes a while: no more than a part of the time is spent on it. */
const countRestFactor = 5;
const longestCountRestMs = 3_000;
/** Who asks does not wait for a store that hangs. */
const countWithinMs = 3_000;

export function createStatusSource(options: StatusSourceOptions): StatusSource {
  const { inbox, after, leader, scanner, taker, waiting } = options;
  const counts = createCounts(options.store);
  const stateOf = (): InboxStatus['state'] => {
    if (taker.isPaused) return 'paused';
    return leader.isLeading ? 'running' : 'standby';
  };
  return {
    async status() {
      const { report } = scanner;
      const counted = await counts();
      return {
        state: stateOf(),
        inbox,
        // Of an inbox that others look at there is nothing to complain about.
        readable: scanner.isReadable ?? !leader.isLeading,
        watching: scanner.isWatching ? 'events' : 'rescan',
        after,
        scanning: scanner.isScanning,
        ...(report && { lastScanAt: report.endedAt, lastScanMs: report.durationMs }),
        filesSeen: report?.images ?? 0,
        filesIgnored: report?.ignored ?? 0,
        ...(report?.faults && { faults: report.faults }),
        waiting: waiting.size + (report?.beyond ?? 0),
        ...(counted && { counts: counted }),
        failed: (counted?.failed ?? 0) + (counted?.unreadable ?? 0),
      };
    },
  };
}

/** Counts that are a moment old; undefined while the store is away. */
function createCounts(store: Pick<JobStore, 'countInboxFiles'>): () => Promise<InboxCounts | undefined> {
  let counted: InboxCounts | undefined;
  let counting: Promise<void> | undefined;
  let dueAt = Number.NEGATIVE_INFINITY;
  const count = async (): Promise<void> => {
    const startedAt = performance.now();
    counted = await store.countInboxFiles().catch(() => undefined);
    const now = performance.now();
    dueAt = now + Math.min(Math.max(countEveryMs, (now - startedAt) * countRestFactor), longestCountRestMs);
    counting = undefined;
  };
  return async () => {
    if (performance.now() < dueAt) return counted;
    counting ??= count();
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, countWithinMs);
    await Promise.race([counting, promise]);
    clearTimeout(timer);
    return counted;
  };
}
