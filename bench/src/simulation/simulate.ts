import type { Lane } from '@glyphmill/core/queue';
import type { Arrivals } from './arrivals.ts';
import { EventQueue } from './event-queue.ts';
import { type AutoscalerOptions, HorizontalAutoscaler } from './horizontal-autoscaler.ts';
import { createRandom, type Random } from './random.ts';
import type { ServiceTimes } from './service-times.ts';
import type { SimulatedJob } from './simulated-job.ts';
import { type PoolEvent, type PoolOptions, WorkerPool } from './worker-pool.ts';

const lanes = ['interactive', 'bulk'] as const satisfies readonly Lane[];

export interface ScalingOptions extends AutoscalerOptions {
  /** Prometheus looks at the API's metrics so often: what the autoscaler hears is as old as the last look. */
  readonly scrapeSeconds: number;
  /** `--horizontal-pod-autoscaler-sync-period`. */
  readonly syncSeconds: number;
  /** AverageValue of the load of all lanes: pages/s of a pod × the wait that is aimed at. */
  readonly averageTarget: number;
}

export interface SimulationOptions extends PoolOptions {
  readonly seed: number;
  /** Jobs arrive for so long; then it goes on until all have ended. */
  readonly seconds: number;
  readonly arrivals: Readonly<Partial<Record<Lane, Arrivals>>>;
  readonly serviceTimes: ServiceTimes;
  /** A fixed number of pods, or what the autoscaler makes of it. */
  readonly pods: number | ScalingOptions;
  /** Interactive jobs are refused when the estimate of their wait is longer, as the API does; none are if not said. */
  readonly admitWithinSeconds?: number;
  readonly sampleSeconds: number;
}

/** How it stood at one moment. */
export interface Sample {
  readonly atSeconds: number;
  readonly replicas: number;
  readonly readyPods: number;
  readonly waiting: Readonly<Record<Lane, number>>;
  /** Age of the oldest job that no pod has taken yet, of both lanes. */
  readonly oldestSeconds: number;
  readonly finished: number;
}

export interface SimulationResult {
  /** In the order of their ends. */
  readonly finished: readonly SimulatedJob[];
  readonly arrived: number;
  readonly refused: number;
  readonly samples: readonly Sample[];
  readonly podSeconds: number;
  /** The time average of the jobs that were there, waiting or read, while jobs arrived. */
  readonly meanJobsInSystem: number;
}

type SimulationEvent =
  | PoolEvent
  | { readonly type: 'arrival'; readonly lane: Lane }
  | { readonly type: 'scrape' }
  | { readonly type: 'sync' }
  | { readonly type: 'sample' };

/** Longer than any simulation can take to end whose pool is not too small for ever. */
const hopelessSeconds = 30 * 24 * 3600;

export function simulate(options: SimulationOptions): SimulationResult {
  return new Simulation(options).run();
}

class Simulation {
  readonly #options: SimulationOptions;
  readonly #events = new EventQueue<SimulationEvent>();
  readonly #pool: WorkerPool;
  readonly #autoscaler: HorizontalAutoscaler | undefined;
  readonly #draws: Random;
  readonly #finished: SimulatedJob[] = [];
  readonly #samples: Sample[] = [];
  #arrived = 0;
  #refused = 0;
  /** Jobs × seconds. */
  #jobSeconds = 0;
  /** What Prometheus has seen last. */
  #seenLoad = 0;

  constructor(options: SimulationOptions) {
    this.#options = options;
    const { pods } = options;
    // A fork: whoever has made the arrivals of the same seed would draw the same numbers otherwise.
    this.#draws = createRandom(options.seed).fork();
    this.#pool = new WorkerPool(options, this.#events as EventQueue<PoolEvent>);
    this.#pool.startReady(typeof pods === 'number' ? pods : pods.minReplicas);
    this.#autoscaler = typeof pods === 'number' ? undefined : new HorizontalAutoscaler(pods);
    if (typeof pods !== 'number') {
      this.#events.add(0, { type: 'scrape' });
      // The two have nothing to do with each other: half a period apart is the mean of what happens.
      this.#events.add(pods.syncSeconds / 2, { type: 'sync' });
    }
    this.#events.add(0, { type: 'sample' });
    for (const lane of lanes) this.#planArrival(lane, 0);
  }

  run(): SimulationResult {
    const { seconds } = this.#options;
    let now = 0;
    for (let next = this.#events.takeSoonest(); next !== undefined; next = this.#events.takeSoonest()) {
      const until = Math.min(next.atSeconds, seconds);
      if (until > now) this.#jobSeconds += (until - now) * this.#inSystem;
      now = next.atSeconds;
      if (now > seconds + hopelessSeconds) break;
      this.#happen(now, next.event);
    }
    return {
      finished: this.#finished,
      arrived: this.#arrived,
      refused: this.#refused,
      samples: this.#samples,
      podSeconds: this.#pool.podSecondsUntil(now),
      meanJobsInSystem: this.#jobSeconds / seconds,
    };
  }

  get #inSystem(): number {
    return this.#arrived - this.#refused - this.#finished.length;
  }

  /** What repeats itself goes on while jobs may come, and until the last has ended and the pool is at rest again. */
  #isOver(now: number): boolean {
    const { seconds, pods } = this.#options;
    const resting = typeof pods === 'number' || this.#pool.replicas <= pods.minReplicas;
    return now >= seconds && this.#inSystem === 0 && resting;
  }

  #repeat(now: number, everySeconds: number, event: SimulationEvent): void {
    if (!this.#isOver(now)) this.#events.add(now + everySeconds, event);
  }

  #happen(now: number, event: SimulationEvent): void {
    switch (event.type) {
      case 'arrival':
        this.#arrive(now, event.lane);
        break;
      case 'scrape':
        this.#seenLoad = this.#loadOf('interactive') + this.#loadOf('bulk');
        this.#repeat(now, this.#scaling.scrapeSeconds, event);
        break;
      case 'sync':
        this.#sync(now);
        this.#repeat(now, this.#scaling.syncSeconds, event);
        break;
      case 'sample':
        this.#samples.push(this.#sample(now));
        this.#repeat(now, this.#options.sampleSeconds, event);
        break;
      case 'pod_ready':
      case 'page_read':
      case 'grace_over': {
        const job = this.#pool.happen(now, event);
        if (job === undefined) break;
        job.endedAt = now;
        this.#finished.push(job);
      }
    }
  }

  get #scaling(): ScalingOptions {
    const { pods } = this.#options;
    if (typeof pods === 'number') throw new Error('A fixed pool is not scaled');
    return pods;
  }

  #planArrival(lane: Lane, now: number): void {
    const at = this.#options.arrivals[lane]?.next(now) ?? Number.POSITIVE_INFINITY;
    if (at < this.#options.seconds) this.#events.add(at, { type: 'arrival', lane });
  }

  #arrive(now: number, lane: Lane): void {
    this.#arrived += 1;
    if (lane === 'interactive' && this.#isTooFull()) this.#refused += 1;
    else {
      const serviceSeconds = this.#options.serviceTimes.draw(this.#draws);
      this.#pool.arrive(now, { lane, arrivedAt: now, serviceSeconds, timesGivenBack: 0 });
    }
    this.#planArrival(lane, now);
  }

  /** The API's estimate: the lane's jobs before this one, at the pace of all engines that are alive. */
  #isTooFull(): boolean {
    const { admitWithinSeconds, serviceTimes, enginesPerPod } = this.#options;
    if (admitWithinSeconds === undefined) return false;
    const engines = Math.max(this.#pool.readyPods * enginesPerPod, 1);
    return (this.#loadOf('interactive') * serviceTimes.meanSeconds) / engines > admitWithinSeconds;
  }

  #loadOf(lane: Lane): number {
    return this.#pool.waiting[lane].length + this.#pool.held(lane);
  }

  #sync(now: number): void {
    const { averageTarget } = this.#scaling;
    const replicas = this.#autoscaler?.sync(now, this.#pool.replicas, [{ value: this.#seenLoad, averageTarget }]);
    if (replicas !== undefined) this.#pool.scaleTo(now, replicas);
  }

  #sample(now: number): Sample {
    const { waiting } = this.#pool;
    const arrivals = lanes.map((lane) => waiting[lane].oldest?.arrivedAt ?? now);
    return {
      atSeconds: now,
      replicas: this.#pool.replicas,
      readyPods: this.#pool.readyPods,
      waiting: { interactive: waiting.interactive.length, bulk: waiting.bulk.length },
      oldestSeconds: now - Math.min(...arrivals),
      finished: this.#finished.length,
    };
  }
}
