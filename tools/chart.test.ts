import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { usualCluster } from '../bench/src/simulation/scenario.ts';
import { chartPool } from '../bench/src/simulation/scenarios.ts';
import { apiSettings } from '../services/api/src/api-settings.ts';
import { ingestSettings } from '../services/ingest/src/ingest-settings.ts';
import { webSettings } from '../services/web/src/web-settings.ts';
import { workerSettings } from '../services/worker/src/worker-settings.ts';
import { chartCopies, isSameFile, leftoverCopies } from './chart-files.ts';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

/** What the chart says itself: addresses and ports, what follows from other values, and what is secret. */
const ofTheChart = new Set(
  (
    'HOST PORT WEB_PORT OPS_PORT DATA_DIR INBOX_DIR MIGRATE LANES ENGINE_PROVIDER DRAIN_GRACE_MS ' +
    'BLOB_URL S3_ENDPOINT S3_REGION S3_ACCESS_KEY_ID S3_SECRET_ACCESS_KEY ' +
    // Which GPU a pod has is what the cluster tells it.
    'CUDA_VISIBLE_DEVICES ' +
    // A secret, for extraEnv.
    'OTEL_EXPORTER_OTLP_HEADERS ' +
    'REDIS_URL DATABASE_URL BASIC_AUTH_USERNAME BASIC_AUTH_PASSWORD WEBHOOK_SECRET'
  ).split(' '),
);

interface Schema {
  readonly $defs: Readonly<Record<string, { readonly properties: Readonly<Record<string, Property>> }>>;
}
interface Property {
  readonly not?: { readonly enum: readonly string[] };
}
interface Values {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly workers: {
    readonly cpu: typeof chartPool & {
      readonly drainGraceMs: number | null;
      readonly resources: { readonly limits: { readonly cpu: string } };
    };
  };
  readonly autoscaling: {
    readonly scaleUp: { readonly stabilizationWindowSeconds: number; readonly podsPer15Seconds: number };
    readonly scaleDown: { readonly stabilizationWindowSeconds: number; readonly secondsPerPod: number };
  };
}
const schema = JSON.parse(read('charts/glyphmill/values.schema.json')) as Schema;
const settingsOf = (name: string): string[] => Object.keys(schema.$defs[name]!.properties);

describe("the chart's values", () => {
  it.each([
    ['api', apiSettings],
    ['worker', workerSettings],
    ['ingest', ingestSettings],
    ['web', webSettings],
  ] as const)('know every setting of the %s, or say it themselves', (_service, { shape }) => {
    const unknown = Object.keys(shape).filter(
      (name) => !ofTheChart.has(name) && !settingsOf('settings').includes(name),
    );
    expect(unknown).toEqual([]);
  });

  it('know for pools what workers read', () => {
    const unknown = Object.keys(workerSettings.shape).filter(
      (name) => !ofTheChart.has(name) && !settingsOf('poolSettings').includes(name),
    );
    expect(unknown).toEqual([]);
  });

  it('let nobody say what the chart says itself', () => {
    const known = [...settingsOf('settings'), ...settingsOf('poolSettings')];
    expect(known.filter((name) => ofTheChart.has(name))).toEqual([]);
  });

  it('let no extraEnv say it either, but for what it is there for', () => {
    const forUsers = new Set(['CUDA_VISIBLE_DEVICES', 'OTEL_EXPORTER_OTLP_HEADERS']);
    expect(schema.$defs['envVar']!.properties['name']!.not!.enum.toSorted()).toEqual(
      [...ofTheChart].filter((name) => !forUsers.has(name)).toSorted(),
    );
  });

  it('are those that the simulation of a pool takes for the usual ones', () => {
    const { autoscaling, workers, settings } = load(read('charts/glyphmill/values.yaml')) as Values;
    const { minReplicas, maxReplicas, pagesPerSecondPerPod, targetWaitSeconds, resources } = workers.cpu;
    expect(chartPool).toEqual({ minReplicas, maxReplicas, pagesPerSecondPerPod, targetWaitSeconds });
    const { scaleUp, scaleDown, ...cluster } = usualCluster({ model: 'small', pages: '', modelLoadMs: 0, pageMs: [1] });
    expect(cluster.enginesPerPod).toBe(Number(resources.limits.cpu));
    expect(scaleUp).toEqual({
      stabilizationWindowSeconds: autoscaling.scaleUp.stabilizationWindowSeconds,
      selectPolicy: 'Max',
      policies: [
        { type: 'Percent', value: 100, periodSeconds: 15 },
        { type: 'Pods', value: autoscaling.scaleUp.podsPer15Seconds, periodSeconds: 15 },
      ],
    });
    expect(scaleDown).toEqual({
      stabilizationWindowSeconds: autoscaling.scaleDown.stabilizationWindowSeconds,
      selectPolicy: 'Max',
      policies: [{ type: 'Pods', value: 1, periodSeconds: autoscaling.scaleDown.secondsPerPod }],
    });
    // The chart leaves these to the services: FETCH_TIMEOUT_MS + 2 × PAGE_TIMEOUT_MS + 5 s.
    expect([settings, workers.cpu.drainGraceMs]).toEqual([{ LOG_LEVEL: 'info' }, null]);
    const { FETCH_TIMEOUT_MS, PAGE_TIMEOUT_MS } = workerSettings.shape;
    const longestMs = FETCH_TIMEOUT_MS.parse(undefined) + 2 * PAGE_TIMEOUT_MS.parse(undefined);
    expect(cluster.drainGraceSeconds * 1000).toBe(longestMs + 5000);
    expect(cluster.admitWithinSeconds * 1000).toBe(apiSettings.shape.SYNC_TIMEOUT_MS.parse(undefined));
  });

  it('are of the version of the project', () => {
    const { version } = JSON.parse(read('package.json')) as { version: string };
    expect(read('charts/glyphmill/Chart.yaml')).toContain(`\nappVersion: ${version}\n`);
  });
});

describe('files that the chart has copies of (npm run docs:generate)', () => {
  it.each(chartCopies())('$copy', ({ original, copy }) => {
    expect(isSameFile(original, copy)).toBe(true);
  });

  it('are all there still', () => {
    expect(leftoverCopies()).toEqual([]);
  });
});
