import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres, type TestPostgres } from '@glyphmill/test-servers/postgres';
import { startRedis, type TestRedis } from '@glyphmill/test-servers/redis';
import { delay, eventually } from './eventually.ts';
import { type Answer, type RequestOptions, sendRequest } from './http-client.ts';
import { type ImageServer, startImageServer } from './image-server.ts';
import { type Leak, searchBytes, searchFolder, type Secret } from './leak-search.ts';
import { commandOf, cpuTicksOf, descendantsOf, enginesOf, environOf, isAlive, signalIfAlive } from './process-table.ts';
import { type RedisProxy, startRedisProxy } from './redis-proxy.ts';
import { freePort } from '@glyphmill/test-servers/free-port';
import { ServiceProcess } from './service-process.ts';
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
  /** Where durable jobs are kept; SQLite if not said. */
  readonly database?: 'sqlite' | 'postgres';
  /** A folder that is there already, and stays. */
  readonly dataDir?: string;
  /** Whether each process has a network to Redis that can be broken. */
  readonly network?: 'socket' | 'proxy';
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
  RETRY_DELAY_MS: '1000',
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
  /** What `startIngest` watches. */
  readonly inbox: string;
  readonly redis: TestRedis;
  readonly postgres: TestPostgres | undefined;
  readonly workers: ServiceProcess[] = [];
  api!: ServiceProcess;
  apiPort = 0;
  readonly #logFolder: string;
  readonly #proxies = new Map<ServiceProcess, RedisProxy>();
  readonly #options: StackOptions;
  readonly #processes: ServiceProcess[] = [];
  readonly #token: string;
  readonly #password = `password-${randomBytes(8).toString('hex')}`;
  readonly #texts = new Set<string>();

  private constructor(parts: {
    folder: string;
    redis: TestRedis;
    postgres: TestPostgres | undefined;
    images: ImageServer;
    pictures: TestImages;
    token: string;
    options: StackOptions;
  }) {
    this.folder = parts.folder;
    this.dataDir = parts.options.dataDir ?? join(parts.folder, 'data');
    this.inbox = join(parts.folder, 'inbox');
    this.#logFolder = join(parts.folder, 'logs');
    this.redis = parts.redis;
    this.postgres = parts.postgres;
    this.images = parts.images;
    this.pictures = parts.pictures;
    this.#token = parts.token;
    this.#options = parts.options;
  }

  static async start(options: StackOptions = {}): Promise<Stack> {
    const folder = await mkdtemp(join(tmpdir(), 'glyphmill-e2e-'));
    const logFolder = join(folder, 'logs');
    await Promise.all(['data', 'inbox', 'logs'].map((name) => mkdir(join(folder, name))));
    const pictures = await loadTestImages();
    const token = `token-${randomBytes(6).toString('hex')}`;
    const images = await startImageServer({
      address: allowedAddress,
      images: new Map(Object.entries(pictures)),
      token,
    });
    const [redis, postgres] = await Promise.all([
      startRedis({ logFile: join(logFolder, 'redis.log') }),
      options.database === 'postgres' ? startPostgres() : undefined,
    ]);
    const stack = new Stack({ folder, redis, postgres, images, pictures, token, options });
    try {
      await Promise.all([stack.startApi(), ...Array.from({ length: options.workers ?? 1 }, () => stack.startWorker())]);
    } catch (error) {
      await stack.stop();
      throw error;
    }
    return stack;
  }

  /** Also for a second one, which gets all requests from then on. */
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

  /** A service that makes jobs of what is put into `inbox`. */
  async startIngest(env: Environment = {}): Promise<ServiceProcess> {
    const ingest = await this.#startService('ingest', { INBOX_DIR: this.inbox, ...env });
    return ingest.ready();
  }

  async #startService(service: 'api' | 'worker' | 'ingest', env: Environment): Promise<ServiceProcess> {
    const opsPort = await freePort();
    const { privateMounts } = this.#options;
    const proxy = this.#options.network === 'proxy' ? await this.#startProxy() : undefined;
    const started = new ServiceProcess({
      name: `${service}-${this.#processes.length + 1}`,
      service,
      env: {
        ...defaults,
        OPS_PORT: String(opsPort),
        DATA_DIR: this.dataDir,
        REDIS_URL: proxy?.url ?? this.redis.url,
        ...(this.postgres && { DATABASE_URL: this.postgres.url }),
        ...this.#options.env,
        ...env,
      },
      folder: this.dataDir,
      logFolder: this.#logFolder,
      opsPort,
      ...(privateMounts !== undefined && service === 'worker' && { privateMounts }),
    });
    this.#processes.push(started);
    if (proxy !== undefined) this.#proxies.set(started, proxy);
    return started;
  }

  #startProxy(): Promise<RedisProxy> {
    return startRedisProxy({ path: this.redis.url.slice('unix://'.length) });
  }

  /** The network between a process and Redis, of a stack with `network: 'proxy'`. */
  networkOf(service: ServiceProcess): RedisProxy {
    return this.#proxies.get(service)!;
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
    this.noteTexts(textsOf(answer));
    return answer;
  }

  /** The URL of a picture on the image server. */
  pictureUrl(image: keyof TestImages): string {
    return this.images.url('image', { image });
  }

  /** All workers' engine processes. */
  engines(): number[] {
    return this.runningWorkers().flatMap(({ pid }) => enginesOf(pid));
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
    const counts = await Promise.all(
      this.runningWorkers().map(async ({ opsPort }) => {
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

  /** The worker whose engine works on a page. */
  async holderOfPage(): Promise<ServiceProcess> {
    const engine = await this.busyEngine();
    return this.workers.find((worker) => worker.exit === undefined && enginesOf(worker.pid).includes(engine))!;
  }

  runningWorkers(): ServiceProcess[] {
    return this.workers.filter(({ exit }) => exit === undefined);
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

  /** The last errors that the services have logged, for looking for the cause of a failure. */
  complaints(): string {
    const lines = this.#processes.flatMap((process) =>
      process
        .log()
        .split('\n')
        .filter((line) => /"level":"(error|fatal)"/.test(line)),
    );
    return lines.slice(-10).join('\n');
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

  /** What nobody may find where it has no business; see `findLeaks`. */
  noteTexts(texts: readonly string[]): void {
    for (const text of texts) this.#texts.add(text);
  }

  /**
   * Recognized texts, image URLs and secrets that are where they should not be. Call it while the processes run. The data
   * folder of durable jobs holds what was read, by its nature: `logs` leaves it out.
   */
  async findLeaks(where: 'everywhere' | 'logs' = 'everywhere'): Promise<Leak[]> {
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
      ...(this.postgres ? [{ what: "the database's URL", bytes: Buffer.from(this.postgres.url) }] : []),
      { what: "a neighbor's secret", bytes: Buffer.from(decoy) },
    ];
    // Had the search itself gone blind, it would find nothing here either.
    if (searchBytes('', environOf(this.api.pid), credentials).length !== 1) throw new Error('The search finds nothing');
    const searched = [...ofImages, ...credentials];
    const inFiles = await searchFolder(where === 'logs' ? this.#logFolder : this.folder, searched);
    const inRedis = await searchFolder(this.redis.folder, searched);
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
    return [...inFiles, ...inRedis, ...inEnvironments];
  }

  /** For looking for one's own mistake: set E2E_KEEP=1 to keep data and logs. */
  async stop(): Promise<void> {
    this.thawEngines();
    for (const { pid } of this.runningWorkers()) signalIfAlive(pid, 'SIGCONT');
    await Promise.all(this.#processes.map((process) => process.stop(5_000)));
    for (const proxy of this.#proxies.values()) await proxy.close();
    await this.redis.stop();
    await this.postgres?.stop();
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
