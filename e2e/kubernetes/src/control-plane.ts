import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '../../src/eventually.ts';
import { freePortsInARow } from '@glyphmill/test-servers/free-port';
import { type Certificates, frontProxyName, makeCertificates } from './certificates.ts';
import { KubernetesClient } from './kubernetes-client.ts';
import { LoggedProcess } from './logged-process.ts';

export interface ControlPlaneOptions {
  /** The program of e2e/kubernetes/control-plane. */
  readonly program: string;
  /** Empty; state, keys and logs go there. */
  readonly folder: string;
  readonly autoscalerSyncSeconds: number;
}

const startTimeoutMs = 180_000;

/**
 * The real thing without machines: etcd, the API server, the controllers (Deployments, Jobs, autoscaler …) and the scheduler
 * as processes on loopback. Nodes are whatever registers itself.
 */
export class ControlPlane {
  readonly client: KubernetesClient;
  readonly kubeconfig: string;
  readonly server: string;
  readonly token: string;
  readonly certificates: Certificates;
  readonly folder: string;
  readonly #program: string;
  readonly #parts: LoggedProcess[] = [];
  readonly #firstPort: number;

  private constructor(options: ControlPlaneOptions & Secrets) {
    this.folder = options.folder;
    this.#program = options.program;
    this.#firstPort = options.firstPort;
    this.server = `https://127.0.0.1:${options.firstPort}`;
    this.token = options.token;
    this.certificates = options.certificates;
    this.kubeconfig = join(options.folder, 'kubeconfig');
    this.client = new KubernetesClient({ server: this.server, token: this.token, authority: options.authority });
  }

  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    await mkdir(options.folder, { recursive: true });
    const certificates = await makeCertificates(options.folder);
    const authority = await readFile(certificates.authority, 'utf8');
    const token = randomBytes(16).toString('hex');
    const plane = new ControlPlane({ ...options, certificates, authority, token, firstPort: await freePortsInARow(5) });
    try {
      await plane.#start(options.autoscalerSyncSeconds);
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  async #start(autoscalerSyncSeconds: number): Promise<void> {
    const { folder, certificates: keys } = this;
    await writeFile(join(folder, 'tokens.csv'), `${this.token},admin,admin,system:masters\n`, { mode: 0o600 });
    await writeFile(this.kubeconfig, this.#kubeconfigText(), { mode: 0o600 });
    const [port, etcdPort, peerPort, controllerPort, schedulerPort] = [0, 1, 2, 3, 4].map((n) => this.#firstPort + n);
    const etcd = `http://127.0.0.1:${etcdPort}`;
    const peer = `http://127.0.0.1:${peerPort}`;
    // What is lost with the machine is lost: nothing here has to outlive it.
    this.#run('etcd', ['--data-dir=etcd', '--unsafe-no-fsync', '--log-level=warn', ...urls(etcd, peer)]);
    this.#run('kube-apiserver', [
      `--etcd-servers=${etcd}`,
      '--bind-address=127.0.0.1',
      `--secure-port=${port}`,
      `--tls-cert-file=${keys.server.certificate}`,
      `--tls-private-key-file=${keys.server.key}`,
      `--service-account-key-file=${keys.serviceAccounts.publicKey}`,
      `--service-account-signing-key-file=${keys.serviceAccounts.key}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--endpoint-reconciler-type=none',
      '--authorization-mode=RBAC',
      // Who may be privileged is up to each namespace's pod security.
      '--allow-privileged=true',
      '--token-auth-file=tokens.csv',
      `--requestheader-client-ca-file=${keys.authority}`,
      `--requestheader-allowed-names=${frontProxyName}`,
      '--requestheader-username-headers=X-Remote-User',
      '--requestheader-group-headers=X-Remote-Group',
      '--requestheader-extra-headers-prefix=X-Remote-Extra-',
      `--proxy-client-cert-file=${keys.frontProxy.certificate}`,
      `--proxy-client-key-file=${keys.frontProxy.key}`,
    ]);
    await eventually(() => this.#isReady(), { timeoutMs: startTimeoutMs, everyMs: 200, what: 'the API server' });
    const client = ['--kubeconfig=kubeconfig', '--leader-elect=false', '--bind-address=127.0.0.1'];
    this.#run('kube-controller-manager', [
      ...client,
      `--secure-port=${controllerPort}`,
      `--service-account-private-key-file=${keys.serviceAccounts.key}`,
      '--use-service-account-credentials=true',
      `--root-ca-file=${keys.authority}`,
      `--horizontal-pod-autoscaler-sync-period=${autoscalerSyncSeconds}s`,
    ]);
    this.#run('kube-scheduler', [...client, `--secure-port=${schedulerPort}`]);
    await eventually(() => this.client.find('/api/v1/namespaces/default/serviceaccounts/default'), {
      timeoutMs: startTimeoutMs,
      everyMs: 200,
      what: 'the controllers',
    });
  }

  async #isReady(): Promise<boolean> {
    this.#expectAlive();
    const version = await this.client.find<{ gitVersion: string }>('/version').catch(() => undefined);
    if (version === undefined) return false;
    // Roles and namespaces are made after the first answer.
    const role = await this.client
      .find('/apis/rbac.authorization.k8s.io/v1/clusterroles/system:basic-user')
      .catch(() => undefined);
    const namespace = await this.client.find('/api/v1/namespaces/kube-system').catch(() => undefined);
    return role !== undefined && namespace !== undefined;
  }

  #run(part: string, args: readonly string[]): void {
    this.#parts.push(
      new LoggedProcess({
        command: [this.#program, part, ...args],
        cwd: this.folder,
        env: { PATH: process.env['PATH'] ?? '', HOME: this.folder },
        logFile: join(this.folder, `${part}.log`),
      }),
    );
  }

  #expectAlive(): void {
    const dead = this.#parts.find(({ exit }) => exit !== undefined);
    if (dead !== undefined) throw new Error(`A part of the control plane has ended:\n${dead.log().slice(-2_000)}`);
  }

  #kubeconfigText(): string {
    // JSON is YAML.
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'local', cluster: { server: this.server, 'certificate-authority': this.certificates.authority } },
      ],
      users: [{ name: 'admin', user: { token: this.token } }],
      contexts: [{ name: 'local', context: { cluster: 'local', user: 'admin' } }],
      'current-context': 'local',
    });
  }

  async stop(): Promise<void> {
    this.client.close();
    for (const part of this.#parts.toReversed()) await part.stop(5_000);
  }
}

interface Secrets {
  readonly certificates: Certificates;
  readonly authority: string;
  readonly token: string;
  readonly firstPort: number;
}

function urls(etcd: string, peer: string): string[] {
  return [
    `--listen-client-urls=${etcd}`,
    `--advertise-client-urls=${etcd}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
  ];
}
