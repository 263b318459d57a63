import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestPostgres, startPostgres } from '@glyphmill/test-servers/postgres';
import { type TestRedis, startRedis } from '@glyphmill/test-servers/redis';
import { eventually } from '../../src/eventually.ts';
import { type ImageServer, startImageServer } from '../../src/image-server.ts';
import { openPostgresDatabase } from '../../src/postgres-database.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import type { TestDatabase } from '../../src/test-database.ts';
import { loadTestImages, type TestImages } from '../../src/test-images.ts';
import { listServiceAddresses } from './cluster-services.ts';
import { ControlPlane } from './control-plane.ts';
import { Helm } from './helm.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import type { Pod } from './pod-types.ts';
import { ProcessKubelet, toLocal } from './process-kubelet.ts';
import type { Programs } from './programs.ts';

export const namespace = 'ocr';
export const release = 'glyphmill';
export const autoscalerSyncSeconds = 5;
const imagesAddress = '127.0.0.2';

/** A cluster of one node with a release of the chart in it, and what is outside: Redis, Postgres, pictures. */
export class Cluster {
  readonly controlPlane: ControlPlane;
  readonly kubelet: ProcessKubelet;
  readonly helm: Helm;
  readonly images: ImageServer;
  readonly database: TestDatabase;
  readonly folder: string;
  /** Values that say where everything is. */
  readonly valuesFile: string;
  readonly #redis: TestRedis;
  readonly #postgres: TestPostgres;
  readonly #authorization: string;

  private constructor(parts: Parts) {
    this.folder = parts.folder;
    this.controlPlane = parts.controlPlane;
    this.kubelet = parts.kubelet;
    this.images = parts.images;
    this.valuesFile = parts.valuesFile;
    this.#redis = parts.redis;
    this.#postgres = parts.postgres;
    this.#authorization = `Basic ${Buffer.from(`ocr:${parts.password}`).toString('base64')}`;
    this.database = openPostgresDatabase(parts.postgres.url);
    this.helm = new Helm({
      program: parts.helmProgram,
      kubeconfig: parts.controlPlane.kubeconfig,
      namespace,
      release,
      folder: join(parts.folder, 'helm'),
    });
  }

  static async start(programs: Programs): Promise<Cluster> {
    const folder = await mkdtemp(join(tmpdir(), 'glyphmill-kubernetes-'));
    const redisPort = await freePort();
    const pictures = await loadTestImages();
    const [redis, postgres, images, controlPlane] = await Promise.all([
      startRedis({ settings: ['--port', String(redisPort), '--bind', '127.0.0.1'] }),
      startPostgres(),
      startImageServer({ address: imagesAddress, images: byName(pictures), token: 'picture' }),
      ControlPlane.start({
        program: programs.controlPlane,
        folder: join(folder, 'control-plane'),
        autoscalerSyncSeconds,
      }),
    ]);
    const { client } = controlPlane;
    const kubelet = await ProcessKubelet.start({ client, nodeName: 'node-1', folder: join(folder, 'node') });
    await prepareNamespace(client, folder);
    const password = randomBytes(12).toString('hex');
    const valuesFile = join(folder, 'values.json');
    const values = {
      redis: { url: `redis://127.0.0.1:${redisPort}` },
      postgres: { url: postgres.url },
      auth: { username: 'ocr', password },
      storage: { mode: 'volume' },
      settings: { FETCH_ALLOW_CIDRS: `${imagesAddress}/32` },
    };
    await writeFile(valuesFile, JSON.stringify(values));
    const helmProgram = programs.helm;
    return new Cluster({ folder, redis, postgres, images, controlPlane, kubelet, password, valuesFile, helmProgram });
  }

  get client(): KubernetesClient {
    return this.controlPlane.client;
  }

  /** Pods of the release that are there, ending ones included. */
  pods(component: string): Promise<readonly Pod[]> {
    const selector = encodeURIComponent(`app.kubernetes.io/component=${component}`);
    return this.client.list<Pod>(`/api/v1/namespaces/${namespace}/pods?labelSelector=${selector}`);
  }

  async readyPods(component: string): Promise<readonly Pod[]> {
    const pods = await this.pods(component);
    return pods.filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined &&
        status?.conditions?.some(({ type, status: holds }) => type === 'Ready' && holds === 'True'),
    );
  }

  /** Through the service: one of the pods that the real controller has found to be ready. */
  async ask(path: string, body?: object): Promise<{ readonly status: number; readonly json: unknown }> {
    const addresses = await listServiceAddresses(this.client, namespace);
    const api = addresses.find(({ service }) => service.endsWith('-api'));
    if (api === undefined) throw new Error('No pod of the API is ready');
    const response = await fetch(`http://${toLocal(api.podIp)}:${api.podPort}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: this.#authorization, 'content-type': 'application/json', connection: 'close' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, json: await response.json() };
  }

  /** Durable jobs, each with a URL of its own. Gives the ids of those that were accepted. */
  async submit(picture: keyof TestImages, count: number): Promise<readonly string[]> {
    const images = Array.from({ length: count }, () => ({ image_url: this.images.url('image', { image: picture }) }));
    const answer = await this.ask('/jobs', { images });
    if (answer.status !== 202) throw new Error(`POST /jobs: ${answer.status} ${JSON.stringify(answer.json)}`);
    const { jobs } = answer.json as { jobs: readonly { id: string }[] };
    return jobs.map(({ id }) => id);
  }

  /** Waits until every pod that was asked to end has ended. */
  async settled(): Promise<void> {
    const isSettled = async (): Promise<boolean> => {
      const pods = await this.client.list<Pod>(`/api/v1/namespaces/${namespace}/pods`);
      return pods.every(({ metadata }) => metadata.deletionTimestamp === undefined);
    };
    await eventually(isSettled, {
      timeoutMs: 180_000,
      everyMs: 100,
      what: 'pods to end',
    });
  }

  /** Set E2E_KEEP=1 to keep logs. */
  async stop(): Promise<void> {
    await this.kubelet.stop();
    await this.controlPlane.stop();
    await this.images.close();
    await this.#redis.stop();
    await this.#postgres.stop();
    if (process.env['E2E_KEEP'] === '1') console.log(`Kept ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}

interface Parts {
  readonly folder: string;
  readonly redis: TestRedis;
  readonly postgres: TestPostgres;
  readonly images: ImageServer;
  readonly controlPlane: ControlPlane;
  readonly kubelet: ProcessKubelet;
  readonly password: string;
  readonly valuesFile: string;
  readonly helmProgram: string;
}

const byName = (images: TestImages): ReadonlyMap<string, Uint8Array> => new Map(Object.entries(images));

/** The strictest that Kubernetes has for pods, and a disk for the images that all of them share. */
async function prepareNamespace(client: KubernetesClient, folder: string): Promise<void> {
  await client.create('/api/v1/namespaces', {
    metadata: {
      name: namespace,
      labels: {
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/enforce-version': 'latest',
      },
    },
  });
  await client.create('/api/v1/persistentvolumes', {
    metadata: { name: 'images' },
    spec: {
      capacity: { storage: '100Gi' },
      accessModes: ['ReadWriteMany'],
      persistentVolumeReclaimPolicy: 'Retain',
      hostPath: { path: join(folder, 'images') },
    },
  });
}
