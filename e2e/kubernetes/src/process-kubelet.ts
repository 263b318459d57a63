import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readImages } from './image-contents.ts';
import { KubernetesError, type KubernetesClient, type WatchEvent } from './kubernetes-client.ts';
import type { Exit } from './logged-process.ts';
import { PodRun } from './pod-run.ts';
import type { Pod } from './pod-types.ts';

export interface ProcessKubeletOptions {
  readonly client: KubernetesClient;
  readonly nodeName: string;
  /** Volumes and logs of its pods. */
  readonly folder: string;
}

/** A process that has ended because its pod was deleted. */
export interface EndedContainer {
  readonly pod: Pod;
  readonly container: string;
  /** Undefined where it had ended before, or never began. */
  readonly exit: Exit | undefined;
  readonly restarts: number;
  readonly log: string;
  readonly endedAt: number;
}

const checkout = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');
const heartbeatMs = 10_000;
const hostIp = '10.77.255.1';

/**
 * Pods have addresses that Kubernetes accepts, 10.77.x.y; what they listen on is 127.77.x.y, which every Linux has. So
 * each pod has all ports for itself without a network namespace.
 */
export function toLocal(podIp: string): string {
  return podIp.replace(/^10\./, '127.');
}

/**
 * A node whose containers are processes of this machine: registers itself, carries out what the scheduler gives it by
 * this checkout and the Dockerfile, asks the probes, and ends pods as they ask to be ended. Limits of memory and processor
 * and network policies it only knows by name.
 */
export class ProcessKubelet {
  /** Every container whose pod was deleted, in the order of their ends. */
  readonly ended: EndedContainer[] = [];
  readonly #options: ProcessKubeletOptions;
  readonly #runs = new Map<string, PodRun>();
  readonly #watching = new AbortController();
  readonly #failures: unknown[] = [];
  #images: Awaited<ReturnType<typeof readImages>> = new Map();
  #heartbeat: NodeJS.Timeout | undefined;
  #watch: Promise<void> = Promise.resolve();
  #addresses = 0;

  private constructor(options: ProcessKubeletOptions) {
    this.#options = options;
  }

  static async start(options: ProcessKubeletOptions): Promise<ProcessKubelet> {
    const kubelet = new ProcessKubelet(options);
    await mkdir(options.folder, { recursive: true });
    kubelet.#images = await readImages(join(checkout, 'Dockerfile'));
    await kubelet.#register();
    const { client, nodeName } = options;
    kubelet.#watch = client.watch<Pod>({
      path: '/api/v1/pods',
      query: { fieldSelector: `spec.nodeName=${nodeName}` },
      signal: kubelet.#watching.signal,
      onEvent: (event) => kubelet.#onEvent(event),
    });
    kubelet.#watch.catch((error: unknown) => kubelet.#failures.push(error));
    return kubelet;
  }

  /** Its own mistakes, which no pod is to blame for. */
  get failures(): readonly unknown[] {
    return this.#failures;
  }

  /** Running pods, by name. */
  runs(): readonly PodRun[] {
    return [...this.#runs.values()];
  }

  async #register(): Promise<void> {
    const { client, nodeName } = this.#options;
    const capacity = { cpu: '64', memory: '256Gi', pods: '250', 'ephemeral-storage': '100Gi', 'nvidia.com/gpu': '4' };
    const now = new Date().toISOString();
    await client.create('/api/v1/nodes', {
      metadata: {
        name: nodeName,
        labels: {
          'kubernetes.io/hostname': nodeName,
          'kubernetes.io/os': 'linux',
          'kubernetes.io/arch': process.arch === 'arm64' ? 'arm64' : 'amd64',
          'topology.kubernetes.io/zone': 'here',
        },
      },
      status: {
        capacity,
        allocatable: capacity,
        addresses: [{ type: 'InternalIP', address: hostIp }],
        conditions: [
          { type: 'Ready', status: 'True', reason: 'KubeletReady', lastHeartbeatTime: now, lastTransitionTime: now },
        ],
      },
    });
    const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases';
    const spec = () => ({
      holderIdentity: nodeName,
      leaseDurationSeconds: 40,
      renewTime: new Date().toISOString().replace('Z', '000Z'),
    });
    await client.create(leases, { metadata: { name: nodeName }, spec: spec() });
    this.#heartbeat = setInterval(() => {
      client.merge(`${leases}/${nodeName}`, { spec: spec() }).catch((error: unknown) => this.#failures.push(error));
    }, heartbeatMs);
  }

  #onEvent({ type, object: pod }: WatchEvent<Pod>): void {
    const uid = pod.metadata.uid!;
    const run = this.#runs.get(uid);
    const ending = pod.metadata.deletionTimestamp !== undefined || type === 'DELETED';
    const isOver = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
    if (!ending && run === undefined && !isOver) this.#start(pod);
    else if (type === 'DELETED' && run === undefined) return;
    else if (ending && run?.isEnding !== true) {
      // Deleted by force, it has no grace left.
      const grace = type === 'DELETED' ? 0 : (pod.metadata.deletionGracePeriodSeconds ?? 30);
      this.#end({ pod, run, grace }).catch((error: unknown) => this.#failures.push(error));
    }
  }

  #start(pod: Pod): void {
    this.#addresses += 1;
    const run = new PodRun({
      pod,
      podIp: `10.77.${this.#addresses >> 8}.${this.#addresses & 255}`,
      hostIp,
      toLocal,
      client: this.#options.client,
      images: this.#images,
      checkout,
      folder: join(this.#options.folder, 'pods', pod.metadata.name),
      claimsFolder: join(this.#options.folder, 'claims'),
      onFailure: (error) => this.#failures.push(error),
    });
    this.#runs.set(pod.metadata.uid!, run);
    run.run().catch((error: unknown) => this.#failures.push(error));
  }

  async #end({ pod, run, grace }: { pod: Pod; run: PodRun | undefined; grace: number }): Promise<void> {
    await run?.end(grace);
    for (const { state, process } of run?.containers ?? []) {
      this.ended.push({
        pod,
        container: state.spec.name,
        exit: process?.exit,
        restarts: state.restarts,
        log: process?.log() ?? '',
        endedAt: Date.now(),
      });
    }
    this.#runs.delete(pod.metadata.uid!);
    const { name, namespace, uid } = pod.metadata;
    await this.#options.client
      .delete(`/api/v1/namespaces/${namespace}/pods/${name}`, { gracePeriodSeconds: 0, preconditions: { uid } })
      .catch((error: unknown) => {
        // Gone already, or another one of that name.
        if (!(error instanceof KubernetesError && (error.status === 404 || error.status === 409))) throw error;
      });
  }

  /** Ends all processes, whatever the API server thinks of it. */
  async stop(): Promise<void> {
    this.#watching.abort();
    clearInterval(this.#heartbeat);
    await this.#watch.catch(() => undefined);
    await Promise.all(this.runs().map((run) => run.end(10)));
  }
}
