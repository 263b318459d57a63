import { randomUUID } from 'node:crypto';
import { Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Logger } from '../logging.ts';
import { connectPatiently, disconnect, pause, settledWithin } from './connection.ts';
import { DeadWorkers } from './dead-workers.ts';
import { type ClaimedJob, HeldJob } from './held-job.ts';
import { JobArrivals } from './job-arrivals.ts';
import { JobKeeper } from './job-keeper.ts';
import { JobRunner } from './job-runner.ts';
import { JobSettlement } from './job-settlement.ts';
import { cancelChannel, prefix, publicJobId } from './keys.ts';
import { LanePolicy } from './lane-policy.ts';
import type { Outcome } from './outcome.ts';
import { type Lane, lanes } from './payload.ts';
import { heartbeatIntervalMs, removeWorkerReport, writeWorkerReport } from './worker-report.ts';

export interface LaneEvent {
  readonly type: 'stalled' | 'lock_lost' | 'redis_down' | 'redis_up';
  /** Public id, where the event is about a job. */
  readonly jobId?: string;
}

export interface LaneConsumerOptions {
  readonly redisUrl: string;
  readonly logger: Logger;
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
  /** Never throws on purpose; a throw other than OcrError is `internal`. Stops soon after the job's signal fires. */
  handle(job: ClaimedJob): Promise<Outcome>;
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
const retryTakingMs = 500;
const lookForParkedMs = 500;
/** How long a job stays on offer to idle consumers before a busy one takes it in advance; they need a few ms. */
const offerMs = 25;

class RedisLaneConsumer implements LaneConsumer {
  readonly #options: LaneConsumerOptions;
  readonly #id = randomUUID();
  readonly #lockMs: number;
  readonly #connections: readonly Redis[];
  readonly #client: Redis;
  readonly #workers: Readonly<Record<Lane, Worker>>;
  readonly #arrivals: JobArrivals;
  readonly #policy = new LanePolicy();
  /** By lock token. */
  readonly #held = new Map<string, HeldJob>();
  readonly #keeper: JobKeeper;
  readonly #settlement: JobSettlement;
  readonly #runner: JobRunner;
  #heartbeat: NodeJS.Timeout | undefined;
  #stopping = false;
  #taking: Promise<void> = Promise.resolve();
  #claims = 0;
  #wakeTaker: () => void = () => undefined;
  #closed: Promise<void> | undefined;

  constructor(options: LaneConsumerOptions) {
    this.#options = options;
    this.#lockMs = options.lockMs ?? defaultLockMs;
    const open = (role: string) => connectPatiently({ redisUrl: options.redisUrl, logger: options.logger, role });
    this.#client = open('consumer');
    const blocking = open('arrivals');
    const subscriber = open('cancellations');
    this.#connections = [this.#client, blocking, subscriber];
    this.#workers = { interactive: this.#openWorker('interactive'), bulk: this.#openWorker('bulk') };
    this.#arrivals = new JobArrivals({ blocking, client: this.#client });
    this.#keeper = new JobKeeper({
      client: this.#client,
      workers: this.#workers,
      held: this.#held,
      lockMs: this.#lockMs,
      onError: (error) => {
        this.#warn('Locks could not be renewed', error);
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
    });
    this.#watchConnection();
    this.#listenForCancellations(subscriber);
  }

  run(): void {
    for (const lane of lanes) void this.#workers[lane].startStalledCheckTimer();
    const beat = () => {
      const report = { id: this.#id, ...this.#options.report(), at: Date.now() };
      if (this.#client.status === 'ready') writeWorkerReport(this.#client, report).catch(() => undefined);
    };
    const deadWorkers = new DeadWorkers({
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
    this.#taking = this.#takeJobs();
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
      await settledWithin(this.#taking, closeTimeoutMs);
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
    let up = false;
    this.#client.on('ready', () => {
      if (!up) this.#options.onEvent?.({ type: 'redis_up' });
      up = true;
      this.#keeper.renewSoon();
    });
    this.#client.on('close', () => {
      if (up) this.#options.onEvent?.({ type: 'redis_down' });
      up = false;
    });
  }

  #listenForCancellations(subscriber: Redis): void {
    subscriber.on('message', (_channel: string, id: string) => {
      for (const held of this.#held.values()) if (held.id === id) held.abort('canceled');
    });
    subscriber.subscribe(cancelChannel).catch((error: unknown) => {
      if (!this.#stopping) this.#warn('Cancellations are seen late', error);
    });
  }

  #stopTaking(): void {
    this.#stopping = true;
    this.#wakeTaker();
  }

  async #takeJobs(): Promise<void> {
    while (!this.#stopping) {
      try {
        const taken = this.#takenSlots();
        if (taken >= this.#options.slots) {
          await this.#arrivals.putBack();
          await this.#freedSlot();
          continue;
        }
        if (taken >= (this.#options.eagerSlots ?? this.#options.slots)) {
          await this.#arrivals.putBack();
          await pause(offerMs);
        }
        if (!(await this.#takeOne())) {
          await this.#arrivals.wait();
        }
      } catch (error) {
        if (this.#stopping) break;
        this.#warn('No job could be taken', error);
        await pause(retryTakingMs);
      }
    }
    await this.#arrivals.putBack().catch(() => undefined);
  }

  async #takeOne(): Promise<boolean> {
    for (const lane of this.#policy.order()) {
      const token = `${this.#id}:${++this.#claims}`;
      const lockedAt = Date.now();
      const job = await this.#workers[lane].getNextJob(token, { block: false });
      this.#arrivals.lookedInto(lane);
      if (job === undefined) {
        this.#policy.foundEmpty(lane);
        if (this.#stopping) return false;
        continue;
      }
      this.#policy.took(lane);
      this.#start(new HeldJob({ job, lane, token, lockedAt }));
      return true;
    }
    return false;
  }

  #start(held: HeldJob): void {
    // Our own job came back to us: its lock was lost, and only the newest run may answer.
    for (const former of this.#held.values()) if (former.isSameJob(held)) former.abort('lock_lost');
    this.#held.set(held.token, held);
    if (this.#stopping) held.abort('drain');
    void this.#runner.run(held).then(() => {
      this.#held.delete(held.token);
      this.#wakeTaker();
    });
  }

  #takenSlots(): number {
    const { parked, maxParked = 0 } = this.#options;
    return this.#held.size - Math.min(parked?.() ?? 0, maxParked);
  }

  /** A slot is freed by a job that ends, which wakes us, or by one that is parked, which is looked for. */
  async #freedSlot(): Promise<void> {
    const woken = new Promise<void>((resolve) => {
      this.#wakeTaker = resolve;
      if (this.#stopping || this.#takenSlots() < this.#options.slots) resolve();
    });
    await (this.#options.parked === undefined ? woken : settledWithin(woken, lookForParkedMs));
  }

  /** Also waits for a job that is being taken right now, unless Redis is away and never answers. */
  async #emptied(): Promise<void> {
    await settledWithin(this.#taking, takingTimeoutMs);
    await Promise.all([...this.#held.values()].map((held) => held.ended));
  }

  #warn(message: string, error: unknown): void {
    this.#options.logger.warn({ reason: error instanceof Error ? error.message : 'unknown' }, message);
  }
}
