import type { Lane } from '@glyphmill/core/queue';
import type { EventQueue } from './event-queue.ts';
import { type SimulatedJob, WaitingLine } from './simulated-job.ts';
import { type PodState, WorkerPod } from './worker-pod.ts';

export interface PoolOptions {
  readonly enginesPerPod: number;
  /** A worker holds so many jobs for each engine: what an engine reads, and what is downloaded meanwhile. */
  readonly jobsPerEngine: number;
  /** From the decision to have one more pod until it takes jobs. */
  readonly podStartSeconds: number;
  /** A pod that has to go finishes what it holds for so long, and gives back the rest. */
  readonly drainGraceSeconds: number;
}

/** What happens to pods; the simulation's other events are its own. */
export type PoolEvent =
  | { readonly type: 'pod_ready'; readonly pod: WorkerPod }
  | { readonly type: 'page_read'; readonly pod: WorkerPod; readonly job: SimulatedJob }
  | { readonly type: 'grace_over'; readonly pod: WorkerPod };

/** Pods that take jobs from two lanes. It puts its events into the queue that it is given, and wants them back in time. */
export class WorkerPool {
  readonly waiting: Readonly<Record<Lane, WaitingLine>> = { interactive: new WaitingLine(), bulk: new WaitingLine() };
  readonly #options: PoolOptions;
  readonly #events: EventQueue<PoolEvent>;
  #pods: WorkerPod[] = [];
  /** Seconds that pods were there, whether or not they were ready: what a cluster is paid for. */
  #podSeconds = 0;
  #countedUntil = 0;

  constructor(options: PoolOptions, events: EventQueue<PoolEvent>) {
    this.#options = options;
    this.#events = events;
  }

  /** As a Deployment counts: those that have to go do not count any more. */
  get replicas(): number {
    return this.#count('starting') + this.#count('ready');
  }

  get readyPods(): number {
    return this.#count('ready');
  }

  /** Jobs that pods hold, whether an engine reads them or not: BullMQ calls both active. */
  held(lane: Lane): number {
    let count = 0;
    for (const pod of this.#pods) count += pod.heldOf(lane);
    return count;
  }

  podSecondsUntil(now: number): number {
    this.#podSeconds += (now - this.#countedUntil) * this.#pods.length;
    this.#countedUntil = now;
    return this.#podSeconds;
  }

  /** Those that are there from the beginning. */
  startReady(count: number): void {
    for (let index = 0; index < count; index += 1) this.#addPod().state = 'ready';
  }

  scaleTo(now: number, replicas: number): void {
    this.podSecondsUntil(now);
    for (let missing = replicas - this.replicas; missing > 0; missing -= 1) {
      const pod = this.#addPod();
      this.#events.add(now + this.#options.podStartSeconds, { type: 'pod_ready', pod });
    }
    for (let surplus = this.replicas - replicas; surplus > 0; surplus -= 1) this.#removeOne(now);
  }

  arrive(now: number, job: SimulatedJob): void {
    this.waiting[job.lane].add(job);
    this.#handOut(now);
  }

  /** What an event of this pool does; the job that it has ended, if it has. */
  happen(now: number, event: PoolEvent): SimulatedJob | undefined {
    const { pod } = event;
    let ended: SimulatedJob | undefined;
    switch (event.type) {
      case 'pod_ready':
        if (pod.state === 'starting') pod.state = 'ready';
        break;
      case 'grace_over':
        if (pod.state === 'draining') this.#end(now, pod);
        break;
      case 'page_read':
        // A page that was given back meanwhile is read by another pod.
        if (pod.running.delete(event.job)) ended = event.job;
        this.#beginAll(now, pod);
        if (pod.state === 'draining' && pod.held === 0) this.#end(now, pod);
        break;
    }
    this.#handOut(now);
    return ended;
  }

  #count(state: PodState): number {
    let count = 0;
    for (const pod of this.#pods) if (pod.state === state) count += 1;
    return count;
  }

  #addPod(): WorkerPod {
    const pod = new WorkerPod(this.#options.enginesPerPod);
    this.#pods.push(pod);
    return pod;
  }

  /** Those that are not ready go first, then the newest, as a ReplicaSet chooses. */
  #removeOne(now: number): void {
    const pod =
      this.#pods.findLast(({ state }) => state === 'starting') ?? this.#pods.findLast(({ state }) => state === 'ready');
    if (pod === undefined) return;
    if (pod.held === 0) {
      this.#end(now, pod);
      return;
    }
    pod.state = 'draining';
    this.#events.add(now + this.#options.drainGraceSeconds, { type: 'grace_over', pod });
  }

  #end(now: number, pod: WorkerPod): void {
    this.podSecondsUntil(now);
    pod.state = 'gone';
    this.#pods = this.#pods.filter((other) => other !== pod);
    const left = pod.letGo().toSorted((one, other) => one.arrivedAt - other.arrivedAt);
    for (const job of left.toReversed()) {
      job.timesGivenBack += 1;
      this.waiting[job.lane].giveBack(job);
    }
  }

  /** Engines that are idle take first; only what none of them takes is held in advance by pods that are busy. */
  #handOut(now: number): void {
    const { jobsPerEngine } = this.#options;
    while (this.waiting.interactive.length + this.waiting.bulk.length > 0) {
      const pod = this.#podWithRoom(1) ?? (jobsPerEngine > 1 ? this.#podWithRoom(jobsPerEngine) : undefined);
      if (pod === undefined) return;
      pod.takeFrom((lane) => this.waiting[lane].take());
      this.#beginAll(now, pod);
    }
  }

  /** The one with the fewest jobs of those that hold less than so many for each engine. */
  #podWithRoom(jobsPerEngine: number): WorkerPod | undefined {
    let roomiest: WorkerPod | undefined;
    for (const pod of this.#pods) {
      if (pod.state !== 'ready' || pod.held >= pod.engines * jobsPerEngine) continue;
      if (roomiest === undefined || pod.held < roomiest.held) roomiest = pod;
    }
    return roomiest;
  }

  #beginAll(now: number, pod: WorkerPod): void {
    for (let job = pod.begin(); job !== undefined; job = pod.begin()) {
      job.startedAt = now;
      this.#events.add(now + job.serviceSeconds, { type: 'page_read', pod, job });
    }
  }
}
