import type { Dashboard } from './dashboard.ts';
import { engines } from './engines.ts';
import { ingest } from './ingest.ts';
import { overview } from './overview.ts';
import { queue } from './queue.ts';

/** The files of monitoring/grafana/dashboards by their names. */
export const dashboards: Readonly<Record<string, Dashboard>> = {
  'overview.json': overview,
  'queue.json': queue,
  'engines.json': engines,
  'ingest.json': ingest,
};
