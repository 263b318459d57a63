import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listServiceAddresses, translateNames } from './cluster-services.ts';
import { resolveEnvironment, expandReferences } from './container-environment.ts';
import { ContainerRun } from './container-run.ts';
import { type ImageContents, targetOf } from './image-contents.ts';
import { KubernetesError, type KubernetesClient } from './kubernetes-client.ts';
import { type Exit, LoggedProcess } from './logged-process.ts';
import { describePod } from './pod-status.ts';
import type { Condition, Container, Pod } from './pod-types.ts';
import { type MappedPath, makeVolumes, mapPaths, translatePaths } from './pod-volumes.ts';

export interface PodRunOptions {
  readonly pod: Pod;
  readonly podIp: string;
  readonly hostIp: string;
  /** Where a pod's address is on this machine. */
  readonly toLocal: (podIp: string) => string;
  readonly client: KubernetesClient;
  readonly images: ReadonlyMap<string, ImageContents>;
  /** Where the images' files are on this machine. */
  readonly checkout: string;
  /** Volumes, logs. */
  readonly folder: string;
  readonly claimsFolder: string;
  /** Told of reports that the API server does not take. */
  readonly onFailure: (error: unknown) => void;
}

interface Invocation {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly translate: (text: string) => string;
}

/** The life of one pod on this node: its containers as processes, and its status as the API server is told. */
export class PodRun {
  readonly pod: Pod;
  readonly containers: readonly ContainerRun[];
  /** Its processes have been asked to end. */
  isEnding = false;
  readonly #init: readonly ContainerRun[];
  readonly #options: PodRunOptions;
  readonly #startTime = new Date().toISOString();
  #volumes: ReadonlyMap<string, string> = new Map();
  #conditions: readonly Condition[];
  #isDirty = false;
  #publishing: Promise<void> | undefined;

  constructor(options: PodRunOptions) {
    this.#options = options;
    this.pod = options.pod;
    this.#conditions = options.pod.status?.conditions ?? [];
    this.#init = (options.pod.spec.initContainers ?? []).map((spec) => this.#createRun(spec));
    this.containers = options.pod.spec.containers.map((spec) => this.#createRun(spec));
  }

  get localAddress(): string {
    return this.#options.toLocal(this.#options.podIp);
  }

  #createRun(spec: Container): ContainerRun {
    return new ContainerRun({
      spec,
      address: this.localAddress,
      start: () => this.#startContainer(spec),
      execute: (command, timeoutMs) => this.#execute(spec, command, timeoutMs),
      onChange: () => this.#publish(),
    });
  }

  /** Resolves when all of its containers have ended and none may start again. */
  async run(): Promise<void> {
    const restartPolicy = this.pod.spec.restartPolicy ?? 'Always';
    const shouldRestart = ({ code }: Exit): boolean =>
      restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
    this.#publish();
    for (const container of this.#init) {
      await container.keepRunning(({ code }) => restartPolicy !== 'Never' && code !== 0);
      if (container.state.exit?.code !== 0) return;
    }
    await Promise.all(this.containers.map((container) => container.keepRunning(shouldRestart)));
  }

  /** Ends its processes within the grace, and tells the API server that they are gone. */
  async end(graceSeconds: number): Promise<void> {
    this.isEnding = true;
    this.#publish();
    await Promise.all([...this.#init, ...this.containers].map((container) => container.end(graceSeconds * 1000)));
    this.#publish();
    await this.#publishing;
  }

  async #startContainer(container: Container): Promise<LoggedProcess> {
    const { folder, claimsFolder, client } = this.#options;
    await mkdir(folder, { recursive: true });
    this.#volumes = await makeVolumes({ pod: this.pod, client, podFolder: folder, claimsFolder });
    const { command, env, cwd } = await this.#prepare(container);
    return new LoggedProcess({ command, env, cwd, logFile: join(folder, `${container.name}.log`) });
  }

  async #execute(container: Container, words: readonly string[], timeoutMs: number): Promise<number> {
    const { env, cwd, translate } = await this.#prepare(container);
    const [file, ...args] = words.map((word) => translate(word));
    const child = spawn(file!, args, { env, cwd, stdio: 'ignore', timeout: timeoutMs, killSignal: 'SIGKILL' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code ?? 137;
  }

  /** What is run is this checkout on this machine: names, addresses and paths of the cluster become those here. */
  async #prepare(container: Container): Promise<Invocation> {
    const { client, podIp, toLocal, checkout, folder } = this.#options;
    const image = this.#options.images.get(targetOf(container.image));
    if (image === undefined) throw new Error(`The Dockerfile makes no image like ${container.image}`);
    const namespace = this.pod.metadata.namespace!;
    const given = await resolveEnvironment({ pod: this.pod, podIp, container, client, imageEnv: image.env });
    const addresses = await listServiceAddresses(client, namespace);
    const paths = await mapPaths(container, this.#volumes, imageFiles({ container, checkout, folder }));
    const translate = (text: string): string =>
      translatePaths(translateNames(text, { namespace, addresses, toLocal }), paths);
    const words = [...(container.command ?? image.command), ...(container.args ?? [])];
    const [file = '', ...args] = words.map((word) => translate(expandReferences(word, given)));
    const translated = Object.entries(given).map(([name, value]) => [name, translate(value)] as const);
    return {
      command: [file, ...args],
      cwd: translate(container.workingDir ?? image.workingDir),
      translate,
      env: {
        ...Object.fromEntries(translated),
        PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
        TMPDIR: translate('/tmp'),
        // A pod's own network: everybody may listen on the same ports.
        HOST: this.localAddress,
      },
    };
  }

  /** One report at a time; what changes meanwhile goes into the next one. */
  #publish(): void {
    this.#isDirty = true;
    this.#publishing ??= this.#publishAll()
      .catch(this.#options.onFailure)
      .finally(() => {
        this.#publishing = undefined;
      });
  }

  async #publishAll(): Promise<void> {
    const { client, podIp, hostIp } = this.#options;
    const { name, namespace } = this.pod.metadata;
    // Changes that come together are one report.
    await Promise.resolve();
    while (this.#isDirty) {
      this.#isDirty = false;
      const status = describePod({
        pod: this.pod,
        podIp,
        hostIp,
        startTime: this.#startTime,
        init: this.#init.map(({ state }) => state),
        containers: this.containers.map(({ state }) => state),
        isEnding: this.isEnding,
        before: this.#conditions,
      });
      this.#conditions = status.conditions;
      await client.merge(`/api/v1/namespaces/${namespace}/pods/${name}/status`, { status }).catch((error: unknown) => {
        if (!(error instanceof KubernetesError && error.status === 404)) throw error;
      });
    }
  }
}

/** Where nothing can be made, for what an image has and a container with a read-only root may not write to. */
const readOnly = '/proc/read-only-root';

function imageFiles(options: { container: Container; checkout: string; folder: string }): readonly MappedPath[] {
  const { container, checkout, folder } = options;
  const root = container.securityContext?.readOnlyRootFilesystem === true ? readOnly : join(folder, 'root');
  return [
    { inside: '/app', outside: checkout },
    ...['/data', '/inbox', '/tmp'].map((inside) => ({ inside, outside: join(root, inside) })),
  ];
}
