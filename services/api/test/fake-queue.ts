import { OcrError } from '@glyphmill/core/errors';
import type { JobAwaiter, JobPayload, JobQueue, JobResult, Outcome, WorkerReport } from '@glyphmill/core/queue';

/** A fake for unit tests of the API: the queue, its workers and the awaiter in this process's memory, without Redis. */
export interface FakeQueue extends JobQueue {
  readonly awaiter: JobAwaiter;
  /** What a worker makes of a job; `undefined` leaves it waiting. */
  work: (payload: JobPayload, input: Uint8Array | undefined) => Outcome | undefined;
  reports: WorkerReport[];
  depthNow: { waiting: number; active: number; delayed: number };
  /** Every call fails as it does without Redis. */
  down: boolean;
  readonly payloads: JobPayload[];
  readonly inputs: (Uint8Array | undefined)[];
  readonly canceled: string[];
  readonly discarded: string[];
  /** Ids and states. */
  readonly announced: [string, string][];
  epoch: string | undefined;
  /** What happened, in order: `expect`, `enqueue`, `release`. */
  readonly order: string[];
  finish(id: string, outcome: Outcome): void;
}

export const sampleResult: JobResult = {
  width: 800,
  height: 600,
  model: 'small',
  lines: [
    {
      text: 'STEAM',
      confidence: 0.996_94,
      box: [
        [335, 750],
        [715, 767],
        [714, 787],
        [334, 770],
      ],
    },
  ],
  timings: { detect: 1 },
};

export function createFakeQueue(): FakeQueue {
  const mailbox = new Map<string, Outcome>();
  const waiters = new Map<string, (outcome: Outcome) => void>();
  const states = new Map<string, 'queued' | 'active'>();
  const guard = () => {
    if (queue.down) throw new OcrError('queue_unavailable', 'The queue cannot be reached');
  };

  const awaiter: JobAwaiter = {
    recoveries: 0,
    async expect(id) {
      guard();
      queue.order.push('expect');
      const { promise, resolve } = Promise.withResolvers<Outcome>();
      waiters.set(id, resolve);
      return {
        outcome: (deadlineAt, signal) =>
          new Promise((settle, reject) => {
            promise.then(settle, reject);
            setTimeout(() => {
              reject(new OcrError('deadline_exceeded', 'Too late'));
            }, deadlineAt - Date.now());
            signal?.addEventListener('abort', () => {
              reject(new DOMException('Aborted', 'AbortError'));
            });
          }),
        release() {
          queue.order.push('release');
          waiters.delete(id);
        },
      };
    },
    close: () => Promise.resolve(),
  };

  const queue: FakeQueue = {
    awaiter,
    work: () => ({ ok: true, result: sampleResult }),
    reports: [{ id: 'w', engines: 2, busy: 0, meanPageMs: 500, at: 0 }],
    depthNow: { waiting: 0, active: 0, delayed: 0 },
    down: false,
    payloads: [],
    inputs: [],
    canceled: [],
    discarded: [],
    announced: [],
    epoch: undefined,
    order: [],
    finish(id, outcome) {
      states.delete(id);
      mailbox.set(id, outcome);
      waiters.get(id)?.(outcome);
    },
    async enqueue(_lane, payload, { input } = {}) {
      guard();
      queue.order.push('enqueue');
      queue.payloads.push(payload);
      queue.inputs.push(input);
      states.set(payload.id, 'queued');
      const outcome = queue.work(payload, input);
      if (outcome !== undefined) queue.finish(payload.id, outcome);
    },
    async enqueueMany(lane, entries) {
      for (const entry of entries) await queue.enqueue(lane, entry.payload, entry);
    },
    async holds(_lane, jobs) {
      guard();
      return jobs.map(({ id }) => states.has(id));
    },
    async announce(id, state) {
      guard();
      queue.announced.push([id, state]);
    },
    async readEpoch() {
      guard();
      return queue.epoch;
    },
    async writeEpoch(epoch) {
      guard();
      queue.epoch = epoch;
    },
    async depth() {
      guard();
      return queue.depthNow;
    },
    async stats() {
      guard();
      const lane = { jobs: { prioritized: 0, ...queue.depthNow }, oldestDueAt: undefined };
      return { lanes: { interactive: lane, bulk: lane }, memory: { usedBytes: 1_000_000, maxBytes: 0 } };
    },
    async workers() {
      guard();
      return queue.reports;
    },
    async state(id) {
      guard();
      const outcome = mailbox.get(id);
      if (outcome === undefined) return states.get(id) ?? 'unknown';
      return outcome.ok ? 'succeeded' : 'failed';
    },
    async outcome(id) {
      guard();
      return mailbox.get(id);
    },
    async discard(id) {
      guard();
      queue.discarded.push(id);
      mailbox.delete(id);
    },
    async cancel(_lane, id) {
      guard();
      queue.canceled.push(id);
      states.delete(id);
    },
    async ping() {
      guard();
    },
    close: () => Promise.resolve(),
  };
  return queue;
}
