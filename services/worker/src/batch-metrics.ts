import { Histogram, type Registry } from '@glyphmill/core/metrics';
import type { BatchReport } from '@glyphmill/ocr/pool';

export type BatchObserver = (batch: BatchReport) => void;

/** Nothing is observed where models are run one call at a time, as on processors. */
export function createBatchMetrics(registry: Registry): BatchObserver {
  const registers = [registry];
  const labelNames = ['model'] as const;
  const size = new Histogram({
    name: 'glyphmill_batch_size',
    help: 'Calls that were merged into one run of a model: pages of the detector, lines of the recognizer. Only where batching is on',
    labelNames,
    buckets: [1, 2, 4, 8, 16, 32, 64],
    registers,
  });
  const fill = new Histogram({
    name: 'glyphmill_batch_fill_ratio',
    help: 'Share of a batch that is image and not padding: real pixels ÷ padded pixels. Only where batching is on',
    labelNames,
    buckets: [0.25, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1],
    registers,
  });
  return (batch) => {
    size.observe({ model: batch.model }, batch.size);
    fill.observe({ model: batch.model }, batch.fill);
  };
}
