import type { BatchLimits } from '../types.ts';

/** Those of the batch that runs, and as many that are decoded and cut meanwhile; one where nothing is batched. */
export function pagesPerProcess(batching: BatchLimits | undefined): number {
  return batching === undefined ? 1 : 2 * batching.maxBatchSize;
}
