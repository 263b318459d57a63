import type { JobNotices, NoticeListener } from '@glyphmill/core/queue';
import type { JobState, JobStore } from '@glyphmill/core/store';

/** What somebody watches: a job's state, or that it is gone from the store. */
export type WatchedState = JobState | 'gone';

export interface WatchedJob {
  close(): void;
}

/**
 * Tells of changes of durable jobs: at once through notices, and by one poll of the store for all jobs that are
 * watched, since notices are lost when Redis is away.
 */
export interface JobWatch {
  /** `onState` hears states as they are told, the same one perhaps several times, and late ones. */
  watch(id: string, onState: (state: WatchedState) => void): Promise<WatchedJob>;
  /** Resolves when all jobs have ended, the time is over or the signal fires; never rejects. True: all have ended. */
  untilEnded(
    ids: readonly string[],
    limits: { readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<boolean>;
  close(): void;
}

export interface JobWatchOptions {
  readonly store: Pick<JobStore, 'states'>;
  readonly notices: Pick<JobNotices, 'listen'>;
  readonly pollIntervalMs?: number;
}

const defaultPollIntervalMs = 1_500;
const maxIdsPerLook = 1_000;
/** Who waits for more jobs than this at once does not need to hear of each within milliseconds. */
const maxNoticesPerWait = 50;

export function createJobWatch({ store, notices, pollIntervalMs = defaultPollIntervalMs }: JobWatchOptions): JobWatch {
  const watchers = new Map<string, Set<(state: WatchedState) => void>>();
  let polling = false;

  const look = async (ids: readonly string[]) => {
    for (let start = 0; start < ids.length; start += maxIdsPerLook) {
      const asked = ids.slice(start, start + maxIdsPerLook);
      const states = await store.states(asked);
      for (const id of asked) tell(id, states.get(id) ?? 'gone');
    }
  };
  const tell = (id: string, state: WatchedState) => {
    for (const onState of watchers.get(id) ?? []) onState(state);
  };
  const poll = async () => {
    if (polling || watchers.size === 0) return;
    polling = true;
    try {
      await look([...watchers.keys()]);
    } catch {
      // The store is away: whoever waits goes on waiting, until its time is over.
    } finally {
      polling = false;
    }
  };
  const poller = setInterval(() => void poll(), pollIntervalMs);
  poller.unref();

  const add = (id: string, onState: (state: WatchedState) => void) => {
    const listeners = watchers.get(id) ?? new Set();
    watchers.set(id, listeners.add(onState));
    return () => {
      listeners.delete(onState);
      if (listeners.size === 0 && watchers.get(id) === listeners) watchers.delete(id);
    };
  };

  return {
    async watch(id, onState) {
      const remove = add(id, onState);
      const listener = await notices.listen(id, onState);
      return {
        close() {
          remove();
          listener.close();
        },
      };
    },
    async untilEnded(ids, { timeoutMs, signal }) {
      const open = new Set(ids);
      const over = Promise.withResolvers<void>();
      const listeners: NoticeListener[] = [];
      const hear = (id: string) => (state: WatchedState) => {
        if (hasEnded(state)) open.delete(id);
        if (open.size === 0) over.resolve();
      };
      const removals = ids.map((id) => add(id, hear(id)));
      const stop = () => {
        over.resolve();
      };
      const timer = setTimeout(stop, timeoutMs);
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) stop();
      try {
        if (ids.length <= maxNoticesPerWait) {
          listeners.push(...(await Promise.all(ids.map((id) => notices.listen(id, hear(id))))));
        }
        // What happened before anybody listened.
        look(ids).catch(() => undefined);
        await over.promise;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        for (const remove of removals) remove();
        for (const listener of listeners) listener.close();
      }
      return open.size === 0;
    },
    close() {
      clearInterval(poller);
      watchers.clear();
    },
  };
}

const endStates: ReadonlySet<WatchedState> = new Set<WatchedState>(['succeeded', 'failed', 'canceled', 'gone']);

export function hasEnded(state: WatchedState): boolean {
  return endStates.has(state);
}
