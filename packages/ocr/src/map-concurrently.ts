export interface MapOptions {
  /** How many are worked on at the same time. */
  readonly atOnce: number;
  /** Looked at before each item. */
  readonly signal?: AbortSignal | undefined;
}

/** Results in the order of the items. After a failure no further item is begun, and the first failure is thrown. */
export async function mapConcurrently<T, R>(
  items: readonly T[],
  { atOnce, signal }: MapOptions,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  const rest = items.entries();
  let hasFailed = false;
  const takeTurns = async (): Promise<void> => {
    try {
      for (const [at, item] of rest) {
        if (hasFailed) return;
        signal?.throwIfAborted();
        results[at] = await work(item);
      }
    } catch (error) {
      hasFailed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, takeTurns));
  return results;
}
