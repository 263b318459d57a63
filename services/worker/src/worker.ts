import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createImageFetcher } from '@glyphmill/core/fetch';
import type { Logger } from '@glyphmill/core/logging';
import { createRegistry } from '@glyphmill/core/metrics';
import { type DeepReadiness, type OpsServer, type Readiness, startOpsServer } from '@glyphmill/core/ops-server';
import {
  type ClaimedJob,
  createJobQueue,
  createLaneConsumer,
  type HandlerAnswer,
  type JobQueue,
  type LaneConsumer,
} from '@glyphmill/core/queue';
import { createTracer, noTracer, type Tracer } from '@glyphmill/core/tracing';
import { type EnginePool, listModelFiles, pagesPerProcess, type PoolEvent } from '@glyphmill/ocr/pool';
import { ByteBudget } from './byte-budget.ts';
import { createDurableHandler } from './durable/durable-page.ts';
import { StoreAccess } from './durable/store-access.ts';
import { EngineGate } from './engine-gate.ts';
import { createEphemeralHandler } from './ephemeral-page.ts';
import { createSourceReaders } from './image-source.ts';
import { openEngines, planEngines } from './open-engines.ts';
import { PagePace } from './page-pace.ts';
import type { PageRecord } from './page-record.ts';
import { createPageReader } from './read-page.ts';
import { RunningDownloads } from './running-downloads.ts';
import { tracePage } from './trace-page.ts';
import { createWorkerMetrics, type WorkerMetrics } from './worker-metrics.ts';
import type { WorkerSettings } from './worker-settings.ts';

/** A download that takes longer than this is the other server's doing; it stops counting as a job in hand. */
const slowDownloadMs = 1000;
/** So many slow downloads are borne with before they hold up everybody else's pages. */
const maxSlowDownloads = 32;
/** A job that waits for the store holds no image: what bounds them is that bulk jobs are not taken meanwhile. */
const maxParkedJobs = 1_000;
/** Enough for a page of the usual size in every slot; larger ones wait for each other instead of filling the memory. */
const imageBytesPerPage = 8_000_000;
const minImageBytes = 64_000_000;

/**
 * A worker: takes jobs from the queue, gets their images, has engines read them. Its states are
 * starting → ready → draining → closed.
 */
export class Worker {
  /** Names it in the store, for people who look there. */
  readonly #id = `${hostname()}-${randomUUID().slice(0, 8)}`;
  readonly #settings: WorkerSettings;
  readonly #logger: Logger;
  readonly #pace: PagePace;
  readonly #downloads = new RunningDownloads();
  readonly #budget: ByteBudget;
  readonly #registry = createRegistry('worker');
  readonly #metrics: WorkerMetrics;
  readonly #queue: JobQueue;
  readonly #access: StoreAccess;
  #tracer: Tracer = noTracer;
  #ops: OpsServer | undefined;
  #pool: EnginePool | undefined;
  #consumer: LaneConsumer | undefined;
  #state: 'starting' | 'ready' | 'draining' = 'starting';

  constructor(settings: WorkerSettings, logger: Logger) {
    this.#settings = settings;
    this.#logger = logger;
    this.#pace = new PagePace(settings.PAGE_TIMEOUT_MS);
    const { processes, batching } = planEngines(settings);
    const pages = processes * pagesPerProcess(batching);
    const budgetBytes = Math.max(minImageBytes, 2 * settings.MAX_IMAGE_BYTES, imageBytesPerPage * pages);
    this.#budget = new ByteBudget(budgetBytes);
    this.#metrics = createWorkerMetrics({
      registry: this.#registry,
      poolStats: () => this.#pool?.stats(),
      heldImageBytes: () => this.#budget.usedBytes,
      isDraining: () => this.#state === 'draining',
    });
    this.#queue = createJobQueue({
      redisUrl: settings.REDIS_URL,
      logger,
      mailboxTtlMs: settings.MAILBOX_TTL_MS,
    });
    this.#access = new StoreAccess({ settings, logger, registry: this.#registry });
  }

  /** Rejects with SchemaMismatchError when this version must not work with the store that it was given. */
  get storeFits(): Promise<void> {
    return this.#access.store.ready;
  }

  /**
   * Resolves when jobs are taken, whether or not Redis and the store can be reached already. Rejects with EngineError
   * when the models do not load, or with what keeps the ops port from opening.
   */
  async start(): Promise<void> {
    const settings = this.#settings;
    this.#tracer = await createTracer({ service: 'worker', settings, logger: this.#logger });
    this.#ops = await startOpsServer({
      host: settings.HOST,
      port: settings.OPS_PORT,
      registry: this.#registry,
      readiness: () => Promise.resolve(this.#readiness()),
      deepReadiness: () => this.#deepReadiness(),
    });
    const { pool, provider, precision } = await openEngines({
      settings,
      logger: this.#logger,
      onEvent: (event) => this.#onPoolEvent(event),
      onBatch: this.#metrics.observeBatch,
    });
    const { MODEL: model } = settings;
    const files = await listModelFiles({ model, precision });
    this.#metrics.setModel({ name: model, provider, precision, files });
    this.#pool = pool;
    if (this.#state !== 'starting') return;
    this.#consumer = this.#openConsumer(pool);
    this.#consumer.run();
    this.#state = 'ready';
    const engines = { engines: pool.size, pagesAtOnce: pool.capacity, model, provider, precision };
    this.#logger.info({ ...engines, opsPort: this.#ops.port }, 'The worker is ready');
  }

  /** Takes no more jobs, lets pages end for `graceMs`, gives the rest back, and closes everything. */
  async drain(graceMs: number): Promise<void> {
    this.#state = 'draining';
    const drained = await this.#consumer?.drain(graceMs);
    const traced = this.#tracer.close();
    await this.#pool?.close();
    await this.#queue.close();
    await this.#ops?.close();
    await this.#access.close();
    await traced;
    this.#logger.info({ unfinished: drained?.unfinished ?? 0 }, 'The worker is drained');
  }

  #openConsumer(pool: EnginePool): LaneConsumer {
    const { REDIS_URL, LANES, MAILBOX_TTL_MS } = this.#settings;
    const access = this.#access;
    return createLaneConsumer({
      redisUrl: REDIS_URL,
      logger: this.#logger,
      lanes: LANES,
      slots: jobsHeld(pool),
      eagerSlots: pool.capacity,
      parked: () => Math.min(this.#downloads.longerThan(slowDownloadMs), maxSlowDownloads) + access.waiting,
      maxParked: maxParkedJobs,
      // What is not begun now, another worker may begin that still reaches the store.
      isOpen: (lane) => lane === 'interactive' || !access.isAway,
      mailboxTtlMs: MAILBOX_TTL_MS,
      // To who waits, a place in an engine is an engine: so many pages are read at the same time, each at this pace.
      report: () => ({ engines: pool.capacity, busy: pool.pagesInHand, meanPageMs: this.#pace.meanMs }),
      onEvent: (event) => {
        this.#metrics.observeLaneEvent(event);
        if (event.type === 'lock_lost' || event.type === 'stalled') this.#logger.warn(event, 'A job changed hands');
      },
      handle: this.#createHandler(pool),
    });
  }

  #createHandler(pool: EnginePool): (job: ClaimedJob) => Promise<HandlerAnswer> {
    const { MODEL, MAX_ATTEMPTS, RETRY_DELAY_MS } = this.#settings;
    const read = createPageReader({
      sources: this.#createSources(),
      pool,
      gate: new EngineGate(pool.capacity),
      budget: this.#budget,
      model: MODEL,
    });
    const onPage = (job: ClaimedJob, record: PageRecord): void => this.#onPage(job, record);
    const logger = this.#logger;
    const ephemeral = createEphemeralHandler({ read, logger, onPage });
    const { store, patience, leases, leaseMs, pictures, metrics } = this.#access;
    const durable = createDurableHandler({
      read,
      store,
      patience,
      leases,
      leaseMs,
      pictures,
      queue: this.#queue,
      workerId: this.#id,
      maxAttempts: MAX_ATTEMPTS,
      retryDelayMs: RETRY_DELAY_MS,
      logger,
      onPage,
      onOutcome: (outcome) => metrics.observeOutcome(outcome),
      onClaimFault: (code) => this.#metrics.observeClaimFault(code),
    });
    return (job) => (job.payload.kind === 'durable' ? durable(job) : ephemeral(job));
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
      uploads: this.#access.uploads,
    });
  }

  #onPage(job: ClaimedJob, record: PageRecord): void {
    this.#metrics.observePage(job, record);
    record.traceId = tracePage(this.#tracer, job, record);
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
    const [redis, stored] = await Promise.all([
      this.#queue.ping().then(
        () => ({ ok: true }),
        () => ({ ok: false, detail: 'Redis does not answer' }),
      ),
      this.#access.check(),
    ]);
    return { redis, ...stored };
  }
}

/**
 * While engines read, the next pages are downloaded: one for each engine, or a batch for each. More would only keep pages
 * from other workers and lose more of them when this one dies.
 */
function jobsHeld({ size, capacity }: EnginePool): number {
  return capacity + Math.max(size, capacity / 2);
}
