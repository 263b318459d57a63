/** Knows what is under way, so that nothing that work needs is closed before it ends. */
export interface PendingWork {
  track<T>(work: Promise<T>): Promise<T>;
  /** Resolves once nothing is under way any more, what was begun meanwhile included. */
  settled(): Promise<void>;
}

export function createPendingWork(): PendingWork {
  const pending = new Set<Promise<unknown>>();
  return {
    track(work) {
      pending.add(work);
      const end = () => {
        pending.delete(work);
      };
      work.then(end, end);
      return work;
    },
    async settled() {
      while (pending.size > 0) await Promise.allSettled(pending);
    },
  };
}
