import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { delay } from '../../src/eventually.ts';
import { sendRequest } from '../../src/http-client.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import type { Container, EnvVar, Pod, Probe } from './pod-templates.ts';
import type { Manifest } from './render-chart.ts';

/** What the images have as their working folder. */
const appFolder = fileURLToPath(new URL('../../../', import.meta.url));

export interface PodProcessOptions {
  readonly pod: Pod;
  /** Where the ConfigMaps and Secrets are that the pod names. */
  readonly manifests: readonly Manifest[];
  /** Holds the pod's volumes and its log. */
  readonly folder: string;
  /** Folders for volumes that pods share, by the claim's name. */
  readonly claims: Readonly<Record<string, string>>;
  /** Instead of what the cluster would have: names, and whatever this machine lacks. */
  readonly instead: Readonly<Record<string, string>>;
}

/** The ports of a container that are found by number in its environment. */
const portVariables: Readonly<Record<number, string>> = { 8000: 'PORT', 5000: 'WEB_PORT', 9464: 'OPS_PORT' };

/**
 * The first container of a rendered pod as a process of this machine: its command with its environment and volumes, the
 * ports being free ones. Probes and signals are those of the kubelet, by the pod's own numbers.
 */
export class PodProcess {
  readonly name: string;
  readonly env: Readonly<Record<string, string>>;
  readonly #pod: Pod;
  readonly #container: Container;
  /** By the container's own number. */
  readonly #ports: ReadonlyMap<number, number>;
  readonly #log: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;

  static async start(options: PodProcessOptions): Promise<PodProcess> {
    const ports = new Map<number, number>();
    for (const { containerPort } of options.pod.spec.containers[0]?.ports ?? [])
      ports.set(containerPort, await freePort());
    return new PodProcess(options, ports);
  }

  private constructor(options: PodProcessOptions, ports: ReadonlyMap<number, number>) {
    const { pod, folder } = options;
    this.name = pod.name;
    this.#pod = pod;
    this.#container = pod.spec.containers[0]!;
    this.#ports = ports;
    const paths = volumeFolders(options);
    this.env = { ...localEnvironment(options, paths), ...portsAsVariables(ports) };
    const [command, ...args] = this.#container.command!.map((word) => localPath(word, paths));
    this.#log = join(folder, 'log');
    const log = openSync(this.#log, 'a');
    this.#child = spawn(command === 'node' ? process.execPath : command!, args, {
      cwd: appFolder,
      env: { PATH: process.env['PATH'] ?? '', ...this.env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    this.#exited = once(this.#child, 'exit').then(([code]) => code as number | null);
  }

  get log(): string {
    return readFileSync(this.#log, 'utf8');
  }

  /** The port of this machine for one of the container's. */
  portFor(name: string): number {
    const declared = this.#container.ports?.find((port) => port.name === name);
    if (declared === undefined) throw new Error(`${this.name} has no port ${name}`);
    return this.#ports.get(declared.containerPort)!;
  }

  /** As the kubelet does: first the start-up probe, then the others; rejects when it would restart the container. */
  async ready(): Promise<this> {
    await this.#succeeds(this.#container.startupProbe!);
    await this.#succeeds(this.#container.readinessProbe!, 120);
    await this.#succeeds(this.#container.livenessProbe!);
    return this;
  }

  async isReady(): Promise<boolean> {
    return this.#answers(this.#container.readinessProbe!);
  }

  get(path: string) {
    return sendRequest({ port: this.portFor('ops'), path });
  }

  /** Of a container that ends by itself. */
  exitCode(): Promise<number | null> {
    return this.#exited;
  }

  /**
   * Ends it as the kubelet does: preStop, SIGTERM, and SIGKILL when the grace is over. Gives the exit code (null when it
   * was killed) and how many seconds of the grace were left.
   */
  async end(): Promise<{ readonly code: number | null; readonly leftSeconds: number }> {
    const graceSeconds = this.#pod.spec.terminationGracePeriodSeconds ?? 30;
    const until = performance.now() + graceSeconds * 1000;
    await delay((this.#container.lifecycle?.preStop.sleep.seconds ?? 0) * 1000);
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), until - performance.now());
    const code = await this.#exited;
    clearTimeout(timer);
    return { code, leftSeconds: (until - performance.now()) / 1000 };
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async #succeeds(probe: Probe, attempts = probe.failureThreshold): Promise<void> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (this.#child.exitCode !== null) throw new Error(`${this.name} ended:\n${this.log}`);
      if (await this.#answers(probe)) return;
      await delay(probe.periodSeconds * 1000);
    }
    throw new Error(`${probe.httpGet.path} of ${this.name} did not succeed:\n${this.log}`);
  }

  async #answers({ httpGet, timeoutSeconds }: Probe): Promise<boolean> {
    const signal = AbortSignal.timeout(timeoutSeconds * 1000);
    const request = sendRequest({ port: this.portFor(httpGet.port), path: httpGet.path, signal });
    return request.then(
      ({ status }) => status >= 200 && status < 400,
      () => false,
    );
  }
}

/** Folders of this machine by the paths that the container has them at. */
function volumeFolders({ pod, manifests, folder, claims }: PodProcessOptions): Map<string, string> {
  const paths = new Map<string, string>();
  for (const { name, mountPath } of pod.spec.containers[0]!.volumeMounts ?? []) {
    const volume = pod.spec.volumes!.find((each) => each['name'] === name)!;
    const claim = (volume['persistentVolumeClaim'] as { claimName: string } | undefined)?.claimName;
    const local = claim === undefined ? join(folder, name) : claims[claim];
    if (local === undefined) throw new Error(`${pod.name} mounts the claim ${claim}, which is not there`);
    mkdirSync(local, { recursive: true });
    paths.set(mountPath, local);
    const map = (volume['configMap'] as { name: string } | undefined)?.name;
    if (map !== undefined) writeFiles(local, configMap(manifests, map));
  }
  linkNested(paths);
  return paths;
}

/** A volume that is mounted in another's folder has to be found there, too. */
function linkNested(paths: ReadonlyMap<string, string>): void {
  for (const [mountPath, local] of paths) {
    const parent = paths.get(dirname(mountPath));
    if (parent !== undefined) symlinkSync(local, join(parent, basename(mountPath)));
  }
}

function writeFiles(folder: string, { data = {}, binaryData = {} }: Manifest): void {
  for (const [name, text] of Object.entries(data as Record<string, string>)) writeFileSync(join(folder, name), text);
  for (const [name, base64] of Object.entries(binaryData as Record<string, string>)) {
    writeFileSync(join(folder, name), Buffer.from(base64, 'base64'));
  }
}

/** The longest mount that a path lies in says where it is here. */
function localPath(text: string, paths: ReadonlyMap<string, string>): string {
  const mounts = [...paths.keys()].toSorted((a, b) => b.length - a.length);
  const mount = mounts.find((each) => text === each || text.startsWith(`${each}/`));
  return mount === undefined ? text : paths.get(mount)! + text.slice(mount.length);
}

function localEnvironment(
  { pod, manifests, instead }: PodProcessOptions,
  paths: ReadonlyMap<string, string>,
): Record<string, string> {
  const { env = [], envFrom = [] } = pod.spec.containers[0]!;
  const given: Record<string, string> = {};
  for (const { configMapRef } of envFrom) Object.assign(given, configMap(manifests, configMapRef.name)['data']);
  for (const each of env) given[each.name] = valueOf(each, manifests);
  const local = Object.fromEntries(Object.entries(given).map(([name, value]) => [name, localPath(value, paths)]));
  const replaced = Object.entries(instead).filter(([name]) => name in local);
  return { ...local, ...Object.fromEntries(replaced), ...(paths.has('/tmp') && { TMPDIR: paths.get('/tmp')! }) };
}

function valueOf({ name, value, valueFrom }: EnvVar, manifests: readonly Manifest[]): string {
  if (valueFrom?.secretKeyRef !== undefined) {
    const { name: secret, key } = valueFrom.secretKeyRef;
    const found = manifests.find((each) => each.kind === 'Secret' && each.metadata.name === secret)?.['stringData']?.[
      key
    ];
    if (typeof found !== 'string') throw new Error(`${name} comes from ${secret}/${key}, which is not there`);
    return found;
  }
  return value ?? '';
}

function configMap(manifests: readonly Manifest[], name: string): Manifest {
  const found = manifests.find((each) => each.kind === 'ConfigMap' && each.metadata.name === name);
  if (found === undefined) throw new Error(`There is no ConfigMap ${name}`);
  return found;
}

function portsAsVariables(ports: ReadonlyMap<number, number>): Record<string, string> {
  return Object.fromEntries(
    [...ports].flatMap(([inside, here]) => {
      const variable = portVariables[inside];
      return variable === undefined ? [] : [[variable, String(here)]];
    }),
  );
}
