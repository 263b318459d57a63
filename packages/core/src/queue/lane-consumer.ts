import { randomUUID } from 'node:crypto';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../logging.ts';
import { connectPatiently, disconnect, keepSubscribed, settledWithin } from './connection.ts';
import { DeadWorkers } from './dead-workers.ts';
import { type ClaimedJob, HeldJob } from './held-job.ts';
import { JobArrivals } from './job-arrivals.ts';
import { JobKeeper } from './job-keeper.ts';
import { JobRunner, type UnreadJob } from './job-runner.ts';
import { JobSettlement } from './job-settlement.ts';
import { JobTaker } from './job-taker.ts';
import { cancelChannel, prefix, publicJobId } from './keys.ts';
import type { HandlerAnswer } from './outcome.ts';
import { type Lane, lanes } from './payload.ts';
import { heartbeatIntervalMs, removeWorkerReport, writeWorkerReport } from './worker-report.ts';

/** `jobId` is the public one. */
export type LaneEvent =
  | { readonly type: 'stalled' | 'lock_lost'; readonly jobId: string }
  | { readonly type: 'redis_down' | 'redis_up' }
  /** The locks of so many jobs could not be renewed this time; nobody else has them yet. */
  | { readonly type: 'renewals_failed'; readonly jobs: number }
  | ({ readonly type: 'ended_unread' } & UnreadJob);

export interface LaneConsumerOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
  /** From which jobs are taken. All by default. */
  readonly lanes?: readonly Lane[];
  /** Never are more jobs held than this, parked ones aside. */
  readonly slots: number;
  /**
   * So many jobs are taken as soon as they come. The slots beyond are for getting the next jobs ready, and leave a job
   * to consumers that could start it at once: they take it only when nobody did so. All slots by default.
   */
  readonly eagerSlots?: number;
  /**
   * How many of the held jobs wait for something slow that is not ours to speed up. They take no slot, so that a few
   * servers that do not answer cannot stop everybody else's jobs. None by default.
   */
  readonly parked?: () => number;
  /** So many may be parked at once. */
  readonly maxParked?: number;
  /**
   * Never throws on purpose; a throw other than OcrError is `internal`. Stops soon after the job's signal fires. The
   * outcome of a durable job ends its stay in the queue and goes nowhere: the handler has stored it, or else says to
   * give the job back.
   */
  handle(job: ClaimedJob): Promise<HandlerAnswer>;
  /**
   * Asked before each taking: of a closed lane nothing is taken. It is noticed within a second when one opens. All are
   * open by default.
   */
  isOpen?(lane: Lane): boolean;
  /** What the heartbeat says. */
  report(): { readonly engines: number; readonly busy: number; readonly meanPageMs: number };
  readonly mailboxTtlMs: number;
  readonly lockMs?: number;
  readonly stallCheckMs?: number;
  onEvent?(event: LaneEvent): void;
}

/** Created idle → run() takes jobs → drain() or close() ends it; it does not start again. */
export interface LaneConsumer {
  run(): void;
  /** Takes no more jobs, lets the running ones end for `graceMs`, gives the rest back to the queue, then closes. */
  drain(graceMs: number): Promise<{ readonly unfinished: number }>;
  /** At once; jobs that still run are handed out again when their locks run out. */
  close(): Promise<void>;
}

export function createLaneConsumer(options: LaneConsumerOptions): LaneConsumer {
  return new RedisLaneConsumer(options);
}

const defaultLockMs = 15_000;
const defaultStallCheckMs = 5_000;
/** Whether a job that killed its workers is poison is the handler's decision, not BullMQ's. */
const maxStalledCount = 1_000;
/** How long an aborted handler may take to stop before its job is given back regardless. */
const stopTimeoutMs = 1_500;
const closeTimeoutMs = 1_500;
/** Longer than the taker sleeps (see job-arrivals.ts). */
const takingTimeoutMs = 2_000;
/** The same complaint is not repeated before: Redis may refuse for long (no memory left). */
const repeatWarningMs = 60_000;

class RedisLaneConsumer implements LaneConsumer {
  readonly #options: LaneConsumerOptions;
  readonly #id = randomUUID();
  readonly #lanes: readonly Lane[];
  readonly #lockMs: number;
  readonly #connections: readonly Redis[];
  readonly #client: Redis;
  readonly #workers: Readonly<Record<Lane, Worker>>;
  readonly #taker: JobTaker;
  /** By lock token. */
  readonly #held = new Map<string, HeldJob>();
  readonly #keeper: JobKeeper;
  readonly #settlement: JobSettlement;
  readonly #runner: JobRunner;
  #heartbeat: NodeJS.Timeout | undefined;
  #stopping = false;
  readonly #warnedAt = new Map<string, number>();
  #claims = 0;
  #closed: Promise<void> | undefined;

  constructor(options: LaneConsumerOptions) {
    this.#options = options;
    this.#lanes = options.lanes ?? lanes;
    this.#lockMs = options.lockMs ?? defaultLockMs;
    const open = (role: string) => connectPatiently({ redisUrl: options.redisUrl, logger: options.logger, role });
    this.#client = open('consumer');
    const blocking = open('arrivals');
    const subscriber = open('cancellations');
    this.#connections = [this.#client, blocking, subscriber];
    this.#workers = { interactive: this.#openWorker('interactive'), bulk: this.#openWorker('bulk') };
    this.#taker = new JobTaker({
      arrivals: new JobArrivals({ blocking, client: this.#client }),
      logger: options.logger,
      slots: options.slots,
      eagerSlots: options.eagerSlots ?? options.slots,
      parked: options.parked,
      maxParked: options.maxParked ?? 0,
      isOpen: (lane) => this.#lanes.includes(lane) && (options.isOpen?.(lane) ?? true),
      held: () => this.#held.size,
      take: (lane) => this.#take(lane),
    });
    this.#keeper = new JobKeeper({
      client: this.#client,
      workers: this.#workers,
      held: this.#held,
      lockMs: this.#lockMs,
      onError: (error) => {
        this.#warn('Locks could not be renewed', error);
      },
      onRenewalsFailed: (jobs) => {
        options.onEvent?.({ type: 'renewals_failed', jobs });
      },
    });
    this.#settlement = new JobSettlement({ client: this.#client, mailboxTtlMs: options.mailboxTtlMs });
    this.#runner = new JobRunner({
      client: this.#client,
      logger: options.logger,
      settlement: this.#settlement,
      handle: (job) => options.handle(job),
      onLockLost: (held) => {
        options.onEvent?.({ type: 'lock_lost', jobId: held.publicId });
      },
      onEndedUnread: (job) => {
        options.onEvent?.({ type: 'ended_unread', ...job });
      },
    });
    this.#watchConnection();
    this.#listenForCancellations(subscriber);
  }

  run(): void {
    // Of all lanes: it may be that of one no worker is left.
    for (const lane of lanes) void this.#workers[lane].startStalledCheckTimer();
    const beat = () => {
      const report = { id: this.#id, lanes: this.#lanes, ...this.#options.report(), at: Date.now() };
      if (this.#client.status === 'ready') writeWorkerReport(this.#client, report).catch(() => undefined);
    };
    const deadWorkers = new DeadWorkers({
      workerId: this.#id,
      client: this.#client,
      workers: this.#workers,
      onTakenOver: (jobId) => {
        this.#options.onEvent?.({ type: 'stalled', jobId });
      },
    });
    beat();
    this.#client.once('ready', beat);
    this.#heartbeat = setInterval(() => {
      beat();
      if (this.#client.status === 'ready') deadWorkers.check().catch(() => undefined);
    }, heartbeatIntervalMs);
    this.#heartbeat.unref();
    this.#taker.run();
  }

  async drain(graceMs: number): Promise<{ unfinished: number }> {
    this.#stopTaking();
    await settledWithin(this.#emptied(), graceMs);
    const leftovers = [...this.#held.values()].filter((held) => held.abort('drain'));
    await settledWithin(this.#emptied(), stopTimeoutMs);
    // Handlers that do not stop: their jobs go back all the same, and what they answer later is discarded.
    const stuck = leftovers.filter((held) => this.#held.has(held.token) && !held.settling);
    const givingBack = stuck.map((held) => {
      held.disown();
      return this.#settlement.giveBack(held);
    });
    await settledWithin(Promise.allSettled(givingBack), stopTimeoutMs);
    await this.close();
    return { unfinished: leftovers.filter((held) => !held.answered).length };
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stopTaking();
    clearInterval(this.#heartbeat);
    this.#keeper.close();
    for (const held of this.#held.values()) held.abort('lock_lost');
    if (this.#client.status === 'ready') {
      await settledWithin(removeWorkerReport(this.#client, this.#id), closeTimeoutMs);
      // A blocked sleeper wakes by itself; waiting for it lets it put back a marker that it may have popped.
      await settledWithin(this.#taker.ended, closeTimeoutMs);
    }
    // BullMQ's close never times out; and commands that wait for a Redis that is away are never answered.
    await settledWithin(Promise.all(lanes.map((lane) => this.#workers[lane].close(true))), closeTimeoutMs);
    await Promise.all(this.#connections.map(disconnect));
  }

  /** Jobs are taken by hand, so BullMQ's own loop, concurrency and lock renewal stay off. */
  #openWorker(lane: Lane): Worker {
    const worker = new Worker(lane, null, {
      connection: this.#client,
      prefix,
      autorun: false,
      lockDuration: this.#lockMs,
      stalledInterval: this.#options.stallCheckMs ?? defaultStallCheckMs,
      maxStalledCount,
      skipVersionCheck: true,
    });
    worker.on('error', (error) => {
      // Outages are logged once, by the connection itself.
      if (this.#client.status === 'ready') this.#warn('The queue reported an error', error);
    });
    worker.on('stalled', (bullId) => {
      this.#options.onEvent?.({ type: 'stalled', jobId: publicJobId(bullId) });
    });
    return worker;
  }

  #watchConnection(): void {
    let up: boolean | undefined;
    this.#client.on('ready', () => {
      if (up !== true) this.#options.onEvent?.({ type: 'redis_up' });
      up = true;
      this.#keeper.renewSoon();
    });
    // Also of a first connection that could not be made.
    this.#client.on('close', () => {
      if (up !== false) this.#options.onEvent?.({ type: 'redis_down' });
      up = false;
    });
  }

  #listenForCancellations(subscriber: Redis): void {
    subscriber.on('message', (_channel: string, bullId: string) => {
      for (const held of this.#held.values()) if (held.bullId === bullId) held.abort('canceled');
    });
    // While this fails, cancellations are seen by the keeper's next look.
    keepSubscribed(subscriber, () => [cancelChannel]);
  }

  #stopTaking(): void {
    this.#stopping = true;
    this.#taker.stop();
  }

  async #take(lane: Lane): Promise<boolean> {
    const token = `${this.#id}:${++this.#claims}`;
    const lockedAt = performance.now();
    const job = await this.#workers[lane].getNextJob(token, { block: false });
    if (job === undefined) return false;
    this.#start(new HeldJob({ job, lane, token, lockedAt }));
    return true;
  }

  #start(held: HeldJob): void {
    // Our own job came back to us: its lock was lost, and only the newest run may answer.
    for (const former of this.#held.values()) if (former.isSameJob(held)) former.abort('lock_lost');
    this.#held.set(held.token, held);
    if (this.#stopping) held.abort('drain');
    void this.#runner.run(held).then(() => {
      this.#held.delete(held.token);
      this.#taker.slotFreed();
    });
  }

  /** Also waits for a job that is being taken right now, unless Redis is away and never answers. */
  async #emptied(): Promise<void> {
    await settledWithin(this.#taker.ended, takingTimeoutMs);
    await Promise.all([...this.#held.values()].map((held) => held.ended));
  }

  #warn(message: string, error: unknown): void {
    const now = performance.now();
    if (now - (this.#warnedAt.get(message) ?? Number.NEGATIVE_INFINITY) < repeatWarningMs) return;
    this.#warnedAt.set(message, now);
    this.#options.logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, message);
  }
}
