import type { Logger } from '@glyphmill/core/logging';
import { createRegistry } from '@glyphmill/core/metrics';
import { type DeepReadiness, type OpsServer, type Readiness, startOpsServer } from '@glyphmill/core/ops-server';
import {
  type ClaimedJob,
  createJobQueue,
  createLaneConsumer,
  type JobQueue,
  type LaneConsumer,
} from '@glyphmill/core/queue';
import { createEnginePool, type EnginePool, type PoolEvent, usableCores } from '@glyphmill/ocr/pool';
import { ByteBudget } from './byte-budget.ts';
import { EngineGate } from './engine-gate.ts';
import { createImageFetcher } from './fetch/fetch-image.ts';
import { createSourceReaders } from './image-source.ts';
import { PagePace } from './page-pace.ts';
import type { PageRecord } from './page-record.ts';
import { createPageReader } from './read-page.ts';
import { RunningDownloads } from './running-downloads.ts';
import { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.ts';
import type { WorkerSettings } from './worker-settings.ts';

/**
 * While an engine reads one page, the next one is downloaded: as many jobs are held as engines, twice. More would only
 * keep pages from other workers and lose more of them when this one dies.
 */
const jobsPerEngine = 2;
/** A download that takes longer than this is the other server's doing; it stops counting as a job in hand. */
const slowDownloadMs = 1000;
/** So many slow downloads are borne with before they hold up everybody else's pages. */
const maxSlowDownloads = 32;
/** Enough for a page of the usual size in every slot; larger ones wait for each other instead of filling the memory. */
const imageBytesPerEngine = 8_000_000;
const minImageBytes = 64_000_000;

/**
 * A worker: takes jobs from the queue, gets their images, has engines read them. Its states are
 * starting → ready → draining → closed.
 */
export class Worker {
  readonly #settings: WorkerSettings;
  readonly #logger: Logger;
  readonly #engines: number;
  readonly #pace = new PagePace();
  readonly #downloads = new RunningDownloads();
  readonly #budget: ByteBudget;
  readonly #registry = createRegistry('worker');
  readonly #metrics: WorkerMetrics;
  readonly #queue: JobQueue;
  #ops: OpsServer | undefined;
  #pool: EnginePool | undefined;
  #consumer: LaneConsumer | undefined;
  #state: 'starting' | 'ready' | 'draining' = 'starting';

  constructor(settings: WorkerSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#engines = settings.ENGINE_PROCESSES ?? usableCores();
    const budgetBytes = Math.max(minImageBytes, 2 * settings.MAX_IMAGE_BYTES, imageBytesPerEngine * this.#engines);
    this.#budget = new ByteBudget(budgetBytes);
    this.#metrics = createWorkerMetrics({
      registry: this.#registry,
      poolStats: () => this.#pool?.stats(),
      heldImageBytes: () => this.#budget.usedBytes,
    });
    this.#queue = createJobQueue({
      redisUrl: settings.REDIS_URL,
      logger,
      mailboxTtlMs: settings.MAILBOX_TTL_MS,
    });
  }

  /**
   * Resolves when jobs are taken, whether or not Redis can be reached already. Rejects with EngineError when the models
   * do not load, or with what keeps the ops port from opening.
   */
  async start(): Promise<void> {
    const settings = this.#settings;
    this.#ops = await startOpsServer({
      host: settings.HOST,
      port: settings.OPS_PORT,
      registry: this.#registry,
      readiness: () => Promise.resolve(this.#readiness()),
      deepReadiness: () => this.#deepReadiness(),
    });
    const pool = await createEnginePool({
      processes: this.#engines,
      model: settings.MODEL,
      provider: settings.ENGINE_PROVIDER,
      limits: { maxImageBytes: settings.MAX_IMAGE_BYTES, maxImagePixels: settings.MAX_IMAGE_PIXELS },
      minConfidence: settings.MIN_CONFIDENCE,
      pageTimeoutMs: settings.PAGE_TIMEOUT_MS,
      memoryLimitBytes: settings.ENGINE_MEMORY_LIMIT,
      onEvent: (event) => this.#onPoolEvent(event),
    });
    this.#pool = pool;
    if (this.#state !== 'starting') return;
    this.#consumer = this.#openConsumer(pool);
    this.#consumer.run();
    this.#state = 'ready';
    this.#logger.info({ engines: pool.size, model: settings.MODEL, opsPort: this.#ops.port }, 'The worker is ready');
  }

  /** Takes no more jobs, lets pages end for `graceMs`, gives the rest back, and closes everything. */
  async drain(graceMs: number): Promise<void> {
    this.#state = 'draining';
    const drained = await this.#consumer?.drain(graceMs);
    await this.#pool?.close();
    await this.#queue.close();
    await this.#ops?.close();
    this.#logger.info({ unfinished: drained?.unfinished ?? 0 }, 'The worker is drained');
  }

  #openConsumer(pool: EnginePool): LaneConsumer {
    const { REDIS_URL, MAILBOX_TTL_MS, MODEL } = this.#settings;
    return createLaneConsumer({
      redisUrl: REDIS_URL,
      logger: this.#logger,
      slots: pool.size * jobsPerEngine,
      eagerSlots: pool.size,
      parked: () => this.#downloads.longerThan(slowDownloadMs),
      maxParked: maxSlowDownloads,
      mailboxTtlMs: MAILBOX_TTL_MS,
      report: () => ({ engines: pool.size, busy: pool.stats().busy, meanPageMs: this.#pace.meanMs }),
      onEvent: (event) => {
        this.#metrics.observeLaneEvent(event);
        if (event.type === 'lock_lost' || event.type === 'stalled') this.#logger.warn(event, 'A job changed hands');
      },
      handle: createPageReader({
        sources: this.#createSources(),
        pool,
        gate: new EngineGate(pool.size),
        budget: this.#budget,
        model: MODEL,
        logger: this.#logger,
        onPage: (job, record) => this.#onPage(job, record),
      }),
    });
  }

  #createSources() {
    const settings = this.#settings;
    return createSourceReaders({
      maxImageBytes: settings.MAX_IMAGE_BYTES,
      fetchImage: createImageFetcher({
        maxBytes: settings.MAX_IMAGE_BYTES,
        timeoutMs: settings.FETCH_TIMEOUT_MS,
        allowCidrs: settings.FETCH_ALLOW_CIDRS,
        allowHosts: settings.FETCH_ALLOW_HOSTS,
      }),
      downloads: this.#downloads,
    });
  }

  #onPage(job: ClaimedJob, record: PageRecord): void {
    this.#metrics.observePage(job, record);
    // Pages that failed say little about how long one takes.
    if (record.outcome === 'succeeded') this.#pace.add(record.stageMs.engine ?? 0);
  }

  #onPoolEvent(event: PoolEvent): void {
    this.#metrics.observePoolEvent(event);
    const level = event.type === 'process_started' || event.type === 'process_recycled' ? 'debug' : 'warn';
    this.#logger[level]({ event: event.type, enginePid: event.pid, reason: event.reason }, 'engine');
  }

  #readiness(): Readiness {
    const reasons: string[] = [];
    if (this.#state === 'starting') reasons.push('the models are loading');
    if (this.#state === 'draining') reasons.push('draining');
    if (this.#state === 'ready' && this.#pool?.stats().pids.length === 0) reasons.push('no engine process runs');
    return { ready: reasons.length === 0, reasons };
  }

  async #deepReadiness(): Promise<DeepReadiness> {
    const redis = await this.#queue.ping().then(
      () => ({ ok: true }),
      () => ({ ok: false, detail: 'Redis does not answer' }),
    );
    return { redis };
  }
}
