import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../src/eventually.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import { startPrometheus } from '@glyphmill/test-servers/prometheus';
import type { ControlPlane } from './control-plane.ts';
import { LoggedProcess } from './logged-process.ts';
import { ScrapeTargets } from './scrape-targets.ts';

export interface ClusterMetricsOptions {
  readonly controlPlane: ControlPlane;
  readonly prometheus: string;
  readonly prometheusAdapter: string;
  readonly folder: string;
  /** Of the adapter; as YAML. */
  readonly adapterRules: string;
}

export interface ClusterMetrics {
  /** What the autoscaler is told: the items of an external metric, in units. */
  readonly read: (question: MetricQuestion) => Promise<readonly number[]>;
  readonly stop: () => Promise<void>;
}

export interface MetricQuestion {
  readonly namespace: string;
  readonly metric: string;
  /** As in a label selector: `lane in (bulk,interactive)`. */
  readonly selector: string;
}

const startTimeoutMs = 120_000;
const scrapeInterval = '1s';

/**
 * How a cluster comes to know the queue's load: a real Prometheus scrapes the ops ports of the pods that the API server
 * knows, and a real prometheus-adapter serves the numbers as `external.metrics.k8s.io`.
 */
export async function startClusterMetrics(options: ClusterMetricsOptions): Promise<ClusterMetrics> {
  await mkdir(options.folder, { recursive: true });
  const prometheus = await startScraping(options);
  try {
    const adapter = await startAdapter(options, prometheus.url);
    return {
      read: (question) => readMetric(options.controlPlane, question),
      async stop() {
        await adapter.stop(5_000);
        await prometheus.stop();
      },
    };
  } catch (error) {
    await prometheus.stop();
    throw error;
  }
}

async function startScraping({ controlPlane, prometheus: program, folder }: ClusterMetricsOptions) {
  const targetsFile = join(folder, 'targets.json');
  const targets = new ScrapeTargets({ client: controlPlane.client, file: targetsFile });
  const configuration = {
    global: { scrape_interval: scrapeInterval, scrape_timeout: scrapeInterval },
    scrape_configs: [{ job_name: 'pods', file_sd_configs: [{ files: [targetsFile] }] }],
  };
  // JSON is YAML.
  const configFile = join(folder, 'prometheus.json');
  await writeFile(configFile, JSON.stringify(configuration));
  try {
    const prometheus = await startPrometheus({ program, configFile, logFile: join(folder, 'prometheus.log') });
    const stop = async (): Promise<void> => {
      await targets.stop();
      await prometheus.stop();
    };
    return { stop, url: prometheus.url };
  } catch (error) {
    await targets.stop();
    throw error;
  }
}

async function startAdapter(options: ClusterMetricsOptions, prometheusUrl: string): Promise<LoggedProcess> {
  const { controlPlane, prometheusAdapter, folder, adapterRules } = options;
  const { client, kubeconfig, certificates } = controlPlane;
  const port = await freePort();
  await writeFile(join(folder, 'adapter.yaml'), adapterRules);
  const process = new LoggedProcess({
    command: [
      prometheusAdapter,
      `--prometheus-url=${prometheusUrl}`,
      `--config=${join(folder, 'adapter.yaml')}`,
      '--metrics-relist-interval=5s',
      '--metrics-max-age=60s',
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${certificates.server.certificate}`,
      `--tls-private-key-file=${certificates.server.key}`,
      `--lister-kubeconfig=${kubeconfig}`,
      `--authentication-kubeconfig=${kubeconfig}`,
      `--authorization-kubeconfig=${kubeconfig}`,
    ],
    env: {},
    cwd: folder,
    logFile: join(folder, 'adapter.log'),
  });
  await register(controlPlane, port);
  await eventually(
    async () => {
      if (process.exit !== undefined) throw new Error(`prometheus-adapter has ended:\n${process.log().slice(-2_000)}`);
      return (await client.find('/apis/external.metrics.k8s.io/v1beta1').catch(() => undefined)) !== undefined;
    },
    { timeoutMs: startTimeoutMs, everyMs: 200, what: 'the external metrics API' },
  );
  return process;
}

/** Makes the adapter a part of the Kubernetes API: the API server finds it as it does an outside service. */
async function register({ client }: ControlPlane, port: number): Promise<void> {
  await client.create('/api/v1/namespaces', { metadata: { name: 'metrics' } });
  await client.create('/api/v1/namespaces/metrics/services', {
    metadata: { name: 'prometheus-adapter' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  await client.create('/apis/apiregistration.k8s.io/v1/apiservices', {
    metadata: { name: 'v1beta1.external.metrics.k8s.io' },
    spec: {
      group: 'external.metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { name: 'prometheus-adapter', namespace: 'metrics', port },
    },
  });
}

interface ExternalMetricList {
  readonly items: readonly { readonly value: string }[];
}

async function readMetric({ client }: ControlPlane, question: MetricQuestion): Promise<readonly number[]> {
  const { namespace, metric, selector } = question;
  const query = new URLSearchParams({ labelSelector: selector });
  const path = `/apis/external.metrics.k8s.io/v1beta1/namespaces/${namespace}/${metric}?${query.toString()}`;
  const list = await client.find<ExternalMetricList>(path).catch(() => undefined);
  return (list?.items ?? []).map(({ value }) => toNumber(value));
}

/** A Kubernetes quantity: 1500m, 2k, 40. */
export function toNumber(quantity: string): number {
  const { number, unit } = /^(?<number>-?[\d.]+)(?<unit>[mkM]?)$/.exec(quantity)?.groups ?? {};
  if (number === undefined) throw new Error(`No quantity: ${quantity}`);
  const factors: Readonly<Record<string, number>> = { m: 0.001, k: 1_000, M: 1_000_000 };
  return Number(number) * (factors[unit ?? ''] ?? 1);
}
