import { BatchingModel } from './batching-model.ts';
import type { BatchPixels } from './gpu-memory.ts';
import type { Model } from './model.ts';
import type { BatchLimits, BatchReport, ModelRole } from './types.ts';

export interface NetworkBatchesOptions {
  readonly batching?: BatchLimits | undefined;
  /** How many pixels a batch of each network may have; any number if not said. */
  readonly pixels?: BatchPixels | undefined;
  readonly onBatch?: ((batch: BatchReport) => void) | undefined;
}

/** Gives a network its batches; without batching it stays what it is. */
export function inBatches(model: Model, role: ModelRole, { batching, pixels, onBatch }: NetworkBatchesOptions): Model {
  if (batching === undefined) return model;
  return new BatchingModel(model, {
    ...batching,
    maxBatchPixels: pixels?.[role],
    onBatch: (batch) => {
      if (role !== 'classifier') onBatch?.({ model: role, ...batch });
    },
  });
}
