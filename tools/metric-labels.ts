import { errorCodes } from '../packages/core/src/errors.ts';
import { laneStates, lanes } from '../packages/core/src/queue/queue.ts';
import { jobStates } from '../packages/core/src/store/store.ts';
import { storeMethods } from '../packages/core/src/store/store-methods.ts';
import { methodLabels } from '../packages/http/src/request-log.ts';
import { modelNames, providers } from '../packages/ocr/src/types.ts';
import { driftReasons } from '../services/api/src/upkeep/upkeep-metrics.ts';
import { webhookOutcomes } from '../services/api/src/upkeep/webhook-counter.ts';
import { fileOutcomes } from '../services/ingest/src/ingest-metrics.ts';
import { durableOutcomes } from '../services/worker/src/durable/durable-page.ts';
import { runOutcomes } from '../services/worker/src/job-metrics.ts';
import { errorStages, stages } from '../services/worker/src/page-record.ts';
import { restartReasons } from '../services/worker/src/worker-metrics.ts';
import { measuredServices } from './service-registries.ts';

/** All values that a label can have, or what they are where they are not ours to list. */
export type LabelValues = readonly string[] | { readonly meaning: string };

const modelRoles = ['detector', 'classifier', 'recognizer'];

/** By label, and by `metric.label` where one has values of its own. */
export const labelValues: Readonly<Record<string, LabelValues>> = {
  service: measuredServices,
  lane: lanes,
  source: ['url', 'data', 'blob'],
  outcome: runOutcomes,
  stage: stages,
  state: [...laneStates],
  method: methodLabels,
  route: {
    meaning: 'the pattern of the route that answered, such as `/jobs/:id`; `none` where no route did',
  },
  status: { meaning: 'HTTP status' },
  code: errorCodes,
  operation: [...storeMethods, 'finish', 'requeue', 'blob', 'blob_put'],
  engine: { meaning: 'engine processes, numbered from 0' },
  model: modelNames,
  provider: providers,
  precision: ['int8', 'fp32'],
  role: modelRoles,
  sha256: { meaning: 'the first 12 digits' },
  version: { meaning: 'of Glyphmill' },
  node: { meaning: 'version of Node.js' },
  'glyphmill_http_requests_total.code': ['', ...errorCodes],
  'glyphmill_pages_total.outcome': ['succeeded', 'discarded', ...errorCodes],
  'glyphmill_job_latency_seconds.outcome': runOutcomes.filter((outcome) => outcome !== 'released'),
  'glyphmill_errors_total.stage': errorStages,
  'glyphmill_durable_runs_total.outcome': durableOutcomes,
  'glyphmill_webhooks_total.outcome': webhookOutcomes,
  'glyphmill_ingest_files_total.outcome': fileOutcomes,
  'glyphmill_reconciler_drift_total.reason': driftReasons,
  'glyphmill_engine_restarts_total.reason': restartReasons,
  'glyphmill_store_jobs.state': jobStates,
  'glyphmill_engine_processes.state': ['idle', 'busy'],
  'glyphmill_batch_size.model': ['detector', 'recognizer'],
  'glyphmill_batch_fill_ratio.model': ['detector', 'recognizer'],
};

/** Undefined where nothing says which values a label may have: that must not be. */
export function valuesOf(metric: string, label: string): LabelValues | undefined {
  return labelValues[`${metric}.${label}`] ?? labelValues[label];
}
