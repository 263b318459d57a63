import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { BatchingModel, type BatchingOptions } from './batching-model.ts';
import type { Model, Tensor } from './model.ts';

interface FakeModel extends Model {
  /** Shapes of its runs, in order. */
  readonly runs: (readonly number[])[];
}

/** A batch that holds this number fails. */
const poison = -1;

/** Twice each number, and how many each item has of them; what it is given and what it answers is [n, …]. */
function doubler(run: { readonly takesTurns?: number; readonly hold?: Promise<void> } = {}): FakeModel {
  const runs: (readonly number[])[] = [];
  return {
    runs,
    async run({ data, dims }) {
      runs.push(dims);
      for (let i = 0; i < (run.takesTurns ?? 1); i++) await turn();
      await run.hold;
      if (data.includes(poison)) throw new Error('poisoned');
      const [items = 0] = dims;
      const size = data.length / items;
      return [
        { data: Float32Array.from(data, (value) => 2 * value), dims },
        { data: new Int32Array(items).fill(size), dims: [items] },
      ];
    },
    close: () => Promise.resolve(),
  };
}

function row(...values: number[]): Tensor {
  return { data: Float32Array.from(values), dims: [1, values.length] };
}

let open: BatchingModel | undefined;
afterEach(() => open?.close());

function batching(model: Model, options: Partial<BatchingOptions> = {}): BatchingModel {
  open = new BatchingModel(model, { maxBatchSize: 4, maxQueueDelayMs: 300, ...options });
  return open;
}

const firstValues = (outputs: readonly (readonly Tensor[])[]) => outputs.map(([first]) => [...first!.data]);

describe('merging', () => {
  it('gives each caller its own answer, in the shape of one item', async () => {
    const model = doubler();
    const merged = batching(model);
    const outputs = await Promise.all([1, 2, 3, 4].map((value) => merged.run(row(value, value + 0.5))));
    expect(model.runs).toEqual([[4, 2]]);
    expect(firstValues(outputs)).toEqual([
      [2, 3],
      [4, 5],
      [6, 7],
      [8, 9],
    ]);
    expect(outputs.map((tensors) => tensors.map(({ dims }) => dims))).toEqual(
      Array.from({ length: 4 }, () => [[1, 2], [1]]),
    );
    expect(outputs.every(([, sizes]) => sizes!.data instanceof Int32Array && sizes!.data[0] === 2)).toBe(true);
  });

  it('is true to the model whatever is asked when, and keeps shapes, sizes and room apart', async () => {
    const asked = fc.record({
      width: fc.integer({ min: 1, max: 4 }),
      value: fc.integer({ min: 0, max: 99 }),
      pause: fc.integer({ min: 0, max: 3 }),
    });
    const limits = fc.record({
      maxBatchSize: fc.integer({ min: 1, max: 7 }),
      maxQueueDelayMs: fc.integer({ min: 0, max: 2 }),
      maxBatchPixels: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined }),
    });
    const property = fc.asyncProperty(fc.array(asked, { maxLength: 40 }), limits, async (calls, options) => {
      const model = doubler();
      const told: number[] = [];
      const merged = new BatchingModel(model, { ...options, onBatch: ({ size }) => told.push(size) });
      const answers: Promise<readonly Tensor[]>[] = [];
      for (const { width, value, pause } of calls) {
        for (let i = 0; i < pause; i++) await turn();
        // Height and width, so that the bound on pixels counts the width alone.
        const input = { data: new Float32Array(width).fill(value), dims: [1, 1, width] };
        answers.push(merged.run(input));
      }
      const outputs = await Promise.all(answers);
      expect(firstValues(outputs)).toEqual(calls.map(({ width, value }) => Array<number>(width).fill(2 * value)));
      expect(model.runs.reduce((sum, [items = 0]) => sum + items, 0)).toBe(calls.length);
      expect(told).toEqual(model.runs.map(([items]) => items));
      for (const [items = 0, , width = 0] of model.runs) {
        const full = Math.max(1, Math.min(options.maxBatchSize, Math.floor((options.maxBatchPixels ?? 999) / width)));
        expect(items === full || (items < full && Number.isInteger(Math.log2(items)))).toBe(true);
      }
      await merged.close();
    });
    await fc.assert(property, { numRuns: 60 });
  });

  it('tells the share of a batch that is no padding', async () => {
    const told: unknown[] = [];
    const merged = batching(doubler(), { maxBatchSize: 2, onBatch: (batch) => told.push(batch) });
    await Promise.all([merged.run(row(1), { filled: 0.5 }), merged.run(row(2), { filled: 1 })]);
    expect(told).toEqual([{ size: 2, fill: 0.75 }]);
  });

  it('asks for as many calls as fill a batch', () => {
    expect(batching(doubler(), { maxBatchSize: 7 }).wantedCalls).toBe(7);
  });
});

describe('who goes when', () => {
  it('lets a full batch go at once', async () => {
    const model = doubler();
    const merged = batching(model, { maxQueueDelayMs: 60_000 });
    await Promise.all([1, 2, 3, 4].map((value) => merged.run(row(value))));
    expect(model.runs).toEqual([[4, 1]]);
  });

  it('lets a lone call wait for company, and go without it in the end', async () => {
    const model = doubler();
    const merged = batching(model, { maxQueueDelayMs: 500 });
    const first = merged.run(row(1));
    await turn();
    expect(model.runs).toEqual([]);
    const second = merged.run(row(2));
    expect(firstValues(await Promise.all([first, second]))).toEqual([[2], [4]]);
    expect(firstValues([await merged.run(row(3))])).toEqual([[6]]);
    expect(model.runs).toEqual([
      [2, 1],
      [1, 1],
    ]);
  });

  it('lets those go first that have waited longest, one batch at a time', async () => {
    const hold = Promise.withResolvers<void>();
    const model = doubler({ hold: hold.promise });
    const merged = batching(model, { maxQueueDelayMs: 1 });
    const running = merged.run(row(1, 1, 1));
    await delay(10);
    const lone = merged.run(row(1, 1));
    await delay(10);
    const crowd = Array.from({ length: 12 }, (_, at) => merged.run(row(at)));
    expect(model.runs).toEqual([[1, 3]]);
    hold.resolve();
    await Promise.all([running, lone, ...crowd]);
    expect(model.runs.slice(1)).toEqual([
      [1, 2],
      [4, 1],
      [4, 1],
      [4, 1],
    ]);
  });

  it('does not let a stream of full batches starve another shape', async () => {
    const model = doubler();
    // Due at once, so that what runs before it is a matter of turns and not of time.
    const merged = batching(model, { maxBatchSize: 2, maxQueueDelayMs: 0 });
    const stop = new AbortController();
    const stream = async (): Promise<void> => {
      while (!stop.signal.aborted) await Promise.all([merged.run(row(1)), merged.run(row(2))]);
    };
    const streams = [stream(), stream(), stream()];
    await delay(5);
    const before = model.runs.length;
    await merged.run(row(7, 7, 7));
    const ranMeanwhile = model.runs.length - before;
    stop.abort();
    await Promise.all(streams);
    expect(ranMeanwhile).toBeLessThan(10);
  });

  it('makes sizes of powers of two, so that few shapes have to be set up', async () => {
    const model = doubler();
    const merged = batching(model, { maxBatchSize: 16 });
    await Promise.all(Array.from({ length: 13 }, (_, at) => merged.run(row(at))));
    expect(model.runs.map(([items]) => items)).toEqual([8, 4, 1]);
  });
});

describe('failures', () => {
  it('fail those alone that fail alone', async () => {
    const merged = batching(doubler());
    const values = [1, poison, 3, 4];
    const outcomes = await Promise.allSettled(values.map((value) => merged.run(row(value))));
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { message: 'poisoned' } });
    expect(firstValues([await merged.run(row(5))])).toEqual([[10]]);
  });

  it('of a model that mixes the items of a batch up are none as long as each runs alone', async () => {
    const mixing: Model = {
      run: ({ dims: [items = 0] }) => Promise.resolve([{ data: Float32Array.of(items), dims: [1, 1] }]),
      close: () => Promise.resolve(),
    };
    const merged = batching(mixing, { maxBatchSize: 2 });
    expect(firstValues(await Promise.all([merged.run(row(1)), merged.run(row(2))]))).toEqual([[1], [1]]);
  });
});

describe('stopping', () => {
  it('takes a call that nobody wants any more out of its batch', async () => {
    const model = doubler();
    const merged = batching(model, { maxQueueDelayMs: 500 });
    const abort = new AbortController();
    const [unwanted, wanted] = [merged.run(row(1), { signal: abort.signal }), merged.run(row(2))];
    abort.abort(new Error('not wanted'));
    await expect(unwanted).rejects.toThrow('not wanted');
    expect(firstValues([await wanted])).toEqual([[4]]);
    expect(model.runs).toEqual([[1, 1]]);
    await expect(merged.run(row(3), { signal: abort.signal })).rejects.toThrow('not wanted');
  });

  it('ends the batch that runs, rejects those that wait, and takes nothing more', async () => {
    const hold = Promise.withResolvers<void>();
    let isClosed = false;
    const model = { ...doubler({ hold: hold.promise }), close: () => Promise.resolve(void (isClosed = true)) };
    const merged = batching(model, { maxBatchSize: 1 });
    const [running, waiting] = [merged.run(row(1)), merged.run(row(2))];
    await delay(5);
    const closing = merged.close();
    await expect(waiting).rejects.toMatchObject({ code: 'aborted' });
    expect(isClosed).toBe(false);
    hold.resolve();
    await closing;
    expect(isClosed).toBe(true);
    expect(firstValues([await running])).toEqual([[2]]);
    await expect(merged.run(row(3))).rejects.toMatchObject({ code: 'aborted' });
  });
});
