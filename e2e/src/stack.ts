import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { delay, eventually } from './eventually.ts';
import { type Answer, type RequestOptions, sendRequest } from './http-client.ts';
import { type ImageServer, startImageServer } from './image-server.ts';
import { type Leak, searchBytes, searchFolder, type Secret } from './leak-search.ts';
import { commandOf, cpuTicksOf, descendantsOf, enginesOf, environOf, isAlive, signalIfAlive } from './process-table.ts';
import { type RedisProcess, startRedis } from './redis-process.ts';
import { freePort, ServiceProcess } from './service-process.ts';
import { loadTestImages, type TestImages } from './test-images.ts';

type Environment = Readonly<Record<string, string>>;

export interface StackOptions {
  /** For API and workers. */
  readonly env?: Environment;
  readonly api?: Environment;
  readonly worker?: Environment;
  /** How many; 1 if not said. */
  readonly workers?: number;
  /** See ServiceOptions; of the workers. */
  readonly privateMounts?: readonly string[];
}

/** The one address that is not public and may be fetched from nevertheless. */
export const allowedAddress = '127.0.0.2';
const userName = 'clerk';

/** Must not reach a process that has no use for it. */
const decoy = 'decoy-of-a-cloud-key';

const defaults: Environment = {
  HOST: '127.0.0.1',
  MODEL: 'tiny',
  ENGINE_PROCESSES: '1',
  FETCH_ALLOW_CIDRS: `${allowedAddress}/32`,
  // The most talkative level that there is must not tell secrets either.
  LOG_LEVEL: 'trace',
};

export interface AnalyzeOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Redis, API, workers and an image server as real processes (the image server in this one), with a data folder that is
 * deleted with them. It remembers what was read and which URLs were sent, for `findLeaks`.
 */
export class Stack {
  readonly images: ImageServer;
  readonly pictures: TestImages;
  readonly folder: string;
  readonly dataDir: string;
  readonly redis: RedisProcess;
  readonly workers: ServiceProcess[] = [];
  api!: ServiceProcess;
  apiPort = 0;
  readonly #logFolder: string;
  readonly #options: StackOptions;
  readonly #processes: ServiceProcess[] = [];
  readonly #token: string;
  readonly #password = `password-${randomBytes(8).toString('hex')}`;
  readonly #texts = new Set<string>();

  private constructor(parts: {
    folder: string;
    redis: RedisProcess;
    images: ImageServer;
    pictures: TestImages;
    token: string;
    options: StackOptions;
  }) {
    this.folder = parts.folder;
    this.dataDir = join(parts.folder, 'data');
    this.#logFolder = join(parts.folder, 'logs');
    this.redis = parts.redis;
    this.images = parts.images;
    this.pictures = parts.pictures;
    this.#token = parts.token;
    this.#options = parts.options;
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'glyphmill-e2e-'));
    const dataDir = join(folder, 'data');
    const logFolder = join(folder, 'logs');
    await Promise.all([mkdir(dataDir), mkdir(logFolder)]);
    const pictures = await loadTestImages();
    const token = `token-${randomBytes(6).toString('hex')}`;
    const images = await startImageServer({
      address: allowedAddress,
      images: new Map(Object.entries(pictures)),
      token,
    });
    const redis = await startRedis({ folder: dataDir, logFolder });
    const stack = new Stack({ folder, redis, images, pictures, token, options });
    try {
      await Promise.all([stack.startApi(), ...Array.from({ length: options.workers ?? 1 }, () => stack.startWorker())]);
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** Also for a second one, after the first has ended. */
  async startApi(): Promise<ServiceProcess> {
    this.apiPort = await freePort();
    const api = await this.#startService('api', {
      PORT: String(this.apiPort),
      BASIC_AUTH_USERNAME: userName,
      BASIC_AUTH_PASSWORD: this.#password,
      ...this.#options.api,
    });
    this.api = api;
    return api.ready();
  }

  async startWorker(): Promise<ServiceProcess> {
    const worker = await this.#startService('worker', {
      AWS_SECRET_ACCESS_KEY: decoy,
      ...this.#options.worker,
    });
    this.workers.push(worker);
    return worker.ready();
  }

  async #startService(service: 'api' | 'worker', env: Environment): Promise<ServiceProcess> {
    const opsPort = await freePort();
    const { privateMounts } = this.#options;
    const started = new ServiceProcess({
      name: `${service}-${this.#processes.length + 1}`,
      service,
      env: {
        ...defaults,
        OPS_PORT: String(opsPort),
        DATA_DIR: this.dataDir,
        REDIS_URL: this.redis.url,
        ...this.#options.env,
        ...env,
      },
      folder: this.dataDir,
      logFolder: this.#logFolder,
      opsPort,
      ...(privateMounts !== undefined && service === 'worker' && { privateMounts }),
    });
    this.#processes.push(started);
    return started;
  }

  get authorization(): string {
    return `Basic ${Buffer.from(`${userName}:${this.#password}`).toString('base64')}`;
  }

  /** To the API, with credentials unless `authorization` says otherwise. */
  send(options: Omit<RequestOptions, 'port'>): Promise<Answer> {
    return sendRequest({
      ...options,
      port: this.apiPort,
      headers: { authorization: this.authorization, ...options.headers },
    });
  }

  sendOps(port: number, path: string): Promise<Answer> {
    return sendRequest({ port, path });
  }

  async analyze(imageUrl: string, { headers, signal }: AnalyzeOptions = {}): Promise<Answer> {
    const answer = await this.send({
      method: 'POST',
      path: '/analyze',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ image_url: imageUrl }),
      ...(signal && { signal }),
    });
    for (const text of textsOf(answer)) this.#texts.add(text);
    return answer;
  }

  /** The URL of a picture on the image server. */
  pictureUrl(image: keyof TestImages): string {
    return this.images.url('image', { image });
  }

  /** All workers' engine processes. */
  engines(): number[] {
    return this.workers.flatMap((worker) => (worker.exit === undefined ? enginesOf(worker.pid) : []));
  }

  /** Waits until so many engines wait for pages: all are started and none reads. */
  async enginesIdle(count: number): Promise<void> {
    await eventually(async () => (await this.#countIdle()) === count, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: `${count} idle engines`,
    });
  }

  async #countIdle(): Promise<number> {
    const running = this.workers.filter(({ exit }) => exit === undefined);
    const counts = await Promise.all(
      running.map(async ({ opsPort }) => {
        const { text } = await sendRequest({ port: opsPort, path: '/metrics' });
        return Number(/^glyphmill_engine_processes\{.*state="idle".*\} (\d+)/m.exec(text)?.[1]);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  /** Stops all engines in their tracks; they hold the pages that they get until something happens to them. */
  freezeEngines(engines: readonly number[] = this.engines()): readonly number[] {
    for (const engine of engines) signalIfAlive(engine, 'SIGSTOP');
    return engines;
  }

  thawEngines(): void {
    for (const engine of this.engines()) signalIfAlive(engine, 'SIGCONT');
  }

  /** Engines that have loaded their models, which looks from outside just like reading a page. */
  readyEngines(): number[] {
    const logs = this.workers.map((worker) => worker.log()).join('');
    return this.engines().filter((pid) => logs.includes(`"event":"process_started","enginePid":${pid},`));
  }

  /** Waits for an engine that works on a page: one whose processor time goes up. */
  async busyEngine(): Promise<number> {
    return eventually(
      async () => {
        const before = this.readyEngines().map((pid) => ({ pid, ticks: cpuTicksOf(pid) }));
        await delay(150);
        // A process that is idle uses no tick; one that reads uses about 15 of them, less on a crowded machine.
        return before.find(({ pid, ticks }) => isAlive(pid) && cpuTicksOf(pid) - ticks >= 4)?.pid;
      },
      { timeoutMs: 30_000, everyMs: 1, what: 'an engine to be busy' },
    );
  }

  /** Rejects unless a page is read within a generous time: whatever happened before is over. */
  async expectWorking(timeoutMs = 60_000): Promise<void> {
    let last: Answer | undefined;
    await eventually(
      async () => {
        last = await this.analyze(this.pictureUrl('small'));
        return last.status === 200;
      },
      { timeoutMs, everyMs: 250, what: 'the stack to work' },
    ).catch((error: unknown) => {
      throw new Error(`The last answer was ${last?.status} ${last?.text.slice(0, 300)}`, { cause: error });
    });
  }

  /** Ends that no test asked for, and errors that nobody caught. */
  findDeaths(): string[] {
    return this.#processes.flatMap((process) => {
      const { exit, name, isExpectedToEnd } = process;
      const died = exit !== undefined && !isExpectedToEnd ? [`${name} ended: ${exit.signal ?? exit.code}`] : [];
      const unhandled = /unhandled ?rejection|uncaught ?exception/i.test(process.log())
        ? [`${name}: unhandled error`]
        : [];
      return [...died, ...unhandled];
    });
  }

  /** Recognized texts, image URLs and secrets that are where they should not be. Call it while the processes run. */
  async findLeaks(): Promise<Leak[]> {
    const ofImages: Secret[] = [
      { what: 'an image URL', bytes: Buffer.from(this.#token) },
      { what: 'a data URL', bytes: Buffer.from('data:image/') },
      { what: 'image bytes', bytes: this.pictures.giftCard.subarray(2000, 2032) },
      // Shorter ones occur by chance.
      ...[...this.#texts]
        .filter((text) => text.length >= 6)
        .map((text) => ({ what: 'a text', bytes: Buffer.from(text) })),
    ];
    const credentials: Secret[] = [
      { what: 'the password', bytes: Buffer.from(this.#password) },
      { what: 'the credentials', bytes: Buffer.from(this.authorization.slice('Basic '.length)) },
    ];
    const ofParent: Secret[] = [
      { what: "Redis' URL", bytes: Buffer.from(this.redis.url) },
      { what: "a neighbor's secret", bytes: Buffer.from(decoy) },
    ];
    // Had the search itself gone blind, it would find nothing here either.
    if (searchBytes('', environOf(this.api.pid), credentials).length !== 1) throw new Error('The search finds nothing');
    const inFiles = await searchFolder(this.folder, [...ofImages, ...credentials]);
    const running = this.#processes.filter((process) => process.exit === undefined);
    const inEnvironments = running.flatMap((process) => [
      ...searchBytes(`${process.name}'s environment`, environOf(process.pid), [
        ...ofImages,
        ...(process === this.api ? [] : credentials),
      ]),
      ...descendantsOf(process.pid).flatMap((pid) =>
        searchBytes(`environment of ${commandOf(pid)}`, environOf(pid), [...ofImages, ...credentials, ...ofParent]),
      ),
    ]);
    return [...inFiles, ...inEnvironments];
  }

  /** For looking for one's own mistake: set E2E_KEEP=1 to keep data and logs. */
  async stop(): Promise<void> {
    this.thawEngines();
    await Promise.all(this.#processes.map((process) => process.stop(5_000)));
    await this.redis.stop();
    await this.images.close();
    if (process.env['E2E_KEEP'] === '1') console.log(`Kept ${this.folder}`);
    else await rm(this.folder, { recursive: true, force: true });
  }
}

/** Every recognized line in an answer of /analyze or /jobs/{id}. */
export function textsOf({ json }: Pick<Answer, 'json'>): string[] {
  const body = json as { data?: { text: string }[]; result?: { data?: { text: string }[] } } | undefined;
  return (body?.data ?? body?.result?.data ?? []).map(({ text }) => text);
}

export function codeOf({ json }: Pick<Answer, 'json'>): string | undefined {
  return (json as { code?: string } | undefined)?.code;
}
