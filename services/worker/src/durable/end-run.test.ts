import { OcrError, type WireError } from '@glyphmill/core/errors';
import { createLogger } from '@glyphmill/core/logging';
import type { ClaimedJob } from '@glyphmill/core/queue';
import type { Claim, FinishedPage, JobState, JobSummary } from '@glyphmill/core/store';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DurableRun, type StopReason } from './durable-run.ts';
import { type Reading, RunEnder, type RunEnderOptions } from './end-run.ts';
import { LeaseKeeper } from './lease-keeper.ts';
import { StorePatience } from './store-patience.ts';

const id = '0198f2a4-0000-7000-8000-000000000001';
const logger = createLogger({ service: 'test', level: 'silent' });
const page: FinishedPage = {
  result: { width: 10, height: 10, model: 'tiny', lines: [], timings: {} },
  sha256: 'a'.repeat(64),
  engineVersion: '1',
};
const read: Reading = { ok: true, page };
const failedWith = (error: OcrError): Reading => ({ ok: false, error });
const down = failedWith(new OcrError('download_failed', 'the server answered 503'));
const missing = failedWith(new OcrError('download_failed', 'the server answered 404', { retryable: false }));
const away = new OcrError('store_unavailable', 'away');
const bug = OcrError.from(new Error('a bug'));

/** One row, and what was asked of it; each call first fails as often as `faults` says. */
class OneRow implements Pick<RunEnderOptions['store'], keyof RunEnderOptions['store']> {
  state: JobState = 'active';
  holder = 'mine';
  faults: Error[] = [];
  /** Faults that come after the write was done: its answer is lost. */
  lostAnswers: Error[] = [];
  readonly calls: string[] = [];

  finishSucceeded = (claim: Claim, _page: FinishedPage) => this.#write('succeeded', claim);
  finishFailed = (claim: Claim, error: WireError) => this.#write('failed', claim, error.code);
  release = (claim: Claim) => this.#write('queued', claim);
  requeue = async (claim: Claim, { error }: { readonly error: WireError }) =>
    (await this.#write('queued', claim, error.code)) ? claim.generation + 1 : undefined;
  states = async (ids: readonly string[]) => new Map(ids.map((one) => [one, this.state]));

  async #write(state: JobState, claim: Claim, code = ''): Promise<boolean> {
    this.calls.push(`${state} ${code}`.trim());
    const fault = this.faults.shift();
    if (fault !== undefined) throw fault;
    const holds = this.state === 'active' && claim.token === this.holder;
    if (holds) this.state = state;
    const lost = this.lostAnswers.shift();
    if (lost !== undefined) throw lost;
    return holds;
  }
}

let row: OneRow;
let announced: string[];
let patience: StorePatience;
let leases: LeaseKeeper;
let stop: AbortController;
let lostClaims: Claim[];

beforeEach(() => {
  vi.useFakeTimers();
  row = new OneRow();
  lostClaims = [];
  announced = [];
  patience = new StorePatience({ check: async () => {}, logger });
  leases = new LeaseKeeper({
    renew: async () => lostClaims,
    leaseMs: 20_000,
    onRenewed: () => undefined,
    onFailure: () => undefined,
  });
  stop = new AbortController();
});
afterEach(() => {
  patience.close();
  leases.close();
  vi.useRealTimers();
});

async function end(reading: Reading, summary: Partial<JobSummary> = {}) {
  const run = new DurableRun({
    claim: { id, generation: 0, token: 'mine' },
    row: { id, attempts: 1, ...summary } as JobSummary,
    job: { signal: stop.signal } as ClaimedJob,
    leases,
  });
  const queue = {
    announce: async (_id: string, state: JobState) => {
      announced.push(state);
      throw new Error('Redis is away');
    },
  };
  const ending = new RunEnder({ store: row, patience, queue, maxAttempts: 3, retryDelayMs: 10_000 }).end(run, reading);
  await vi.advanceTimersByTimeAsync(60_000);
  run.close();
  return ending;
}

describe('a run ends', () => {
  test.each([
    ['read', read, 'stored', 'succeeded'],
    ['not read, for a reason that may pass', down, 'retried', 'queued'],
    ['not read, for one that does not', missing, 'failed', 'failed'],
  ] as const)('%s', async (_what, reading, kind, state) => {
    expect(await end(reading)).toMatchObject({ kind });
    expect(row.state).toBe(state);
    expect(announced).toEqual([state]);
  });

  test('for good when it was the last attempt', async () => {
    expect(await end(down, { attempts: 3 })).toMatchObject({ kind: 'failed' });
    expect(row.calls).toEqual(['failed download_failed']);
  });
});

describe('a run that has to stop', () => {
  test.each([
    ['canceled', down, 'canceled', []],
    ['canceled', read, 'canceled', []],
    ['drain', down, 'released', ['queued']],
    ['lock_lost', down, 'released', ['queued']],
    // It is here, and the claim still holds.
    ['drain', read, 'stored', ['succeeded']],
    ['lock_lost', read, 'stored', ['succeeded']],
  ] as const)('%s', async (reason, reading, kind, calls) => {
    stop.abort(reason satisfies StopReason);
    expect(await end(reading)).toMatchObject({ kind });
    expect(row.calls).toEqual(calls);
  });

  test('while the store is away: it tried, and gives the job back', async () => {
    row.faults = Array.from({ length: 1000 }, () => away);
    const ending = end(read);
    await vi.advanceTimersByTimeAsync(10_000);
    stop.abort('drain' satisfies StopReason);
    expect(await ending).toEqual({ kind: 'released' });
    expect(row.calls.at(-1)).toBe('queued');
    expect(announced).toEqual([]);
  });
});

describe('a run whose claim is gone', () => {
  test.each([read, down, missing])('changes nothing: %j', async (reading) => {
    row.holder = 'another';
    expect(await end(reading)).toEqual({ kind: 'late' });
    expect(row.state).toBe('active');
    expect(announced).toEqual([]);
  });

  test('is late, whatever else stopped it', async () => {
    row.holder = 'another';
    stop.abort('lock_lost' satisfies StopReason);
    expect(await end(down)).toEqual({ kind: 'late' });
    expect(announced).toEqual([]);
  });

  test('while it waits for the store gives up', async () => {
    row.faults = Array.from({ length: 1000 }, () => away);
    lostClaims = [{ id, generation: 0, token: 'mine' }];
    expect(await end(read)).toEqual({ kind: 'late' });
    expect(row.calls.every((call) => call === 'succeeded')).toBe(true);
  });

  test('by its own write, whose answer was lost, has ended it', async () => {
    row.lostAnswers = [away];
    expect(await end(read)).toMatchObject({ kind: 'stored' });
    expect(row.calls).toEqual(['succeeded', 'succeeded']);
    expect(announced).toEqual(['succeeded']);
  });

  test('by a cancellation while the store was away is late', async () => {
    row.faults = [away, away];
    const ending = end(read);
    row.state = 'canceled';
    expect(await ending).toEqual({ kind: 'late' });
    expect(row.state).toBe('canceled');
  });
});

describe('a store with a bug', () => {
  test('that cannot take a result gets no other try: the job fails', async () => {
    row.faults = [bug, bug, bug];
    expect(await end(read)).toMatchObject({ kind: 'failed', error: { code: 'internal' }, fault: bug });
    expect(row.calls).toEqual(['succeeded', 'succeeded', 'succeeded', 'failed internal']);
    expect(row.state).toBe('failed');
  });

  test('that takes nothing at all does not hold the job for ever', async () => {
    row.faults = Array.from({ length: 1000 }, () => bug);
    expect(await end(down)).toEqual({ kind: 'refused', fault: bug });
    expect(row.calls.length).toBeLessThan(10);
  });
});
