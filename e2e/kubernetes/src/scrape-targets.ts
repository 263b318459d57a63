import { rename, writeFile } from 'node:fs/promises';
import type { KubernetesClient } from './kubernetes-client.ts';
import type { Pod } from './pod-types.ts';
import { toLocal } from './process-kubelet.ts';

export interface TargetGroup {
  readonly targets: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

const metricsPortName = 'ops';

/** Where a running pod's metrics are, labeled as who finds pods in a cluster labels them. */
export function targetOf({ metadata, spec, status }: Pod): TargetGroup | undefined {
  const ports = spec.containers.flatMap(({ ports: named = [] }) => named);
  const port = ports.find(({ name }) => name === metricsPortName)?.containerPort;
  if (port === undefined || status?.phase !== 'Running' || status.podIP === undefined) return undefined;
  return {
    targets: [`${toLocal(status.podIP)}:${port}`],
    labels: { namespace: metadata.namespace!, pod: metadata.name },
  };
}

/**
 * Keeps a file of Prometheus' file discovery at what the API server says of pods, until it is stopped. Debian's Prometheus
 * comes without the discovery that asks the API server itself.
 */
export class ScrapeTargets {
  readonly #file: string;
  readonly #groups = new Map<string, TargetGroup>();
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: { readonly client: KubernetesClient; readonly file: string }) {
    this.#file = options.file;
    this.#watching = options.client.watch<Pod>({
      path: '/api/v1/pods',
      signal: this.#stopping.signal,
      onEvent: ({ type, object }) => {
        const target = type === 'DELETED' ? undefined : targetOf(object);
        const uid = object.metadata.uid!;
        if (target === undefined) this.#groups.delete(uid);
        else this.#groups.set(uid, target);
        this.#writing = this.#writing.then(() => this.#write());
      },
    });
    this.#watching.catch(() => undefined);
  }

  /** Under another name first: nobody may read half of it. */
  async #write(): Promise<void> {
    await writeFile(`${this.#file}.new`, JSON.stringify([...this.#groups.values()]));
    await rename(`${this.#file}.new`, this.#file);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#watching;
    await this.#writing;
  }
}
