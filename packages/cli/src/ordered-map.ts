/** Lets at most `limit` callers in at a time, in the order of their calls. */
function createGate(limit: number): <R>(work: () => Promise<R>) => Promise<R> {
  let free = limit;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (free > 0) free--;
    else await new Promise<void>((enter) => waiting.push(enter));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free++;
      else next();
    }
  };
}

/** Runs one piece of work after the other. */
export const createSerialQueue = (): (<R>(work: () => Promise<R>) => Promise<R>) => createGate(1);

export interface OrderedMapLimits {
  /** How many items are worked on at the same time. */
  readonly concurrency: number;
  /** How many items may be started and not yet taken: what bounds the memory when the first one is slow. */
  readonly readAhead: number;
}

/** Yields `work(item)` in the order of the items while several are worked on. `work` must not reject. */
export async function* mapInOrder<T, R>(
  items: readonly T[],
  { concurrency, readAhead }: OrderedMapLimits,
  work: (item: T) => Promise<R>,
): AsyncGenerator<R, void, undefined> {
  const enter = createGate(concurrency);
  const started: Promise<R>[] = [];
  let next = 0;
  for (;;) {
    for (const item of items.slice(next, next + readAhead - started.length)) {
      started.push(enter(() => work(item)));
      next++;
    }
    const oldest = started.shift();
    if (oldest === undefined) return;
    yield await oldest;
  }
}
