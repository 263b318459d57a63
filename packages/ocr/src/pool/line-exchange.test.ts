import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Crop } from '../crop.ts';
import type { Reading } from '../ctc-decode.ts';
import { LineExchange, type LineHelper, type LineOwner, type SharedPage } from './line-exchange.ts';

const crop = (name: number): Crop => ({ width: name + 1, height: 48, data: new Uint8Array() });
const read = ({ width }: Crop): Reading => ({ text: String(width - 1), confidence: 1 });

class Helper implements LineHelper {
  crops: readonly Crop[] | undefined;
  #end = Promise.withResolvers<readonly Reading[]>();

  get isHelping(): boolean {
    return this.crops !== undefined;
  }

  readLines(crops: readonly Crop[]): Promise<readonly Reading[]> {
    if (this.isHelping) throw new Error('It has lines already');
    this.crops = crops;
    this.#end = Promise.withResolvers();
    return this.#end.promise;
  }

  async finish(lines = Infinity): Promise<void> {
    const readings = (this.crops ?? []).slice(0, lines).map(read);
    this.crops = undefined;
    this.#end.resolve(readings);
    await settled();
  }

  async die(): Promise<void> {
    this.crops = undefined;
    this.#end.reject(new Error('died'));
    await settled();
  }
}

/** All that a settled promise sets off has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

class Owner implements LineOwner {
  granted = 0;
  helpers = 0;
  readonly answers = new Map<number, readonly Reading[]>();
  page: SharedPage | undefined;
  #chunks = 0;

  grant(chunks: number, helpers: number): void {
    this.granted += chunks;
    this.helpers = helpers;
  }

  answer(chunk: number, readings: readonly Reading[]): void {
    if (this.answers.has(chunk)) throw new Error('It is answered already');
    this.answers.set(chunk, readings);
  }

  handOut(lines = 1): number {
    const chunk = this.#chunks++;
    this.granted--;
    const crops = Array.from({ length: lines }, (_, at) => crop(chunk * 100 + at));
    expect(this.page?.add({ chunk, crops })).toBe(true);
    return chunk;
  }
}

function open(count: number) {
  const helpers = Array.from({ length: count }, () => new Helper());
  const free = { helpers: helpers as readonly Helper[] };
  const exchange = new LineExchange(() => free.helpers);
  const owner = (): Owner => {
    const opened = new Owner();
    opened.page = exchange.open(opened);
    return opened;
  };
  return { helpers, free, exchange, owner };
}

describe('the exchange of lines', () => {
  it('asks for a chunk for each helper and one to come, and goes on asking', async () => {
    const { helpers, owner, exchange } = open(2);
    const page = owner();
    expect([page.granted, page.helpers]).toEqual([4, 2]);
    const chunks = [page.handOut(2), page.handOut(), page.handOut(), page.handOut()];
    expect(helpers.map(({ crops }) => crops?.length)).toEqual([2, 1]);
    expect(page.granted).toBe(0);
    await helpers[0]?.finish();
    expect(page.answers).toEqual(new Map([[chunks[0], [read(crop(0)), read(crop(1))]]]));
    expect(helpers[0]?.isHelping).toBe(true);
    expect(page.granted).toBe(1);
    expect(exchange.linesRead).toBe(2);
  });

  it('leaves every engine to its own page while there are pages enough', () => {
    const { free, owner, exchange } = open(2);
    free.helpers = [];
    const page = owner();
    expect(page.granted).toBe(0);
    free.helpers = [new Helper()];
    exchange.balance();
    expect(page.granted).toBe(2);
  });

  it('gives back what nobody has begun when pages come', () => {
    const { helpers, free, owner, exchange } = open(1);
    const page = owner();
    const [begun, waiting] = [page.handOut(), page.handOut()];
    free.helpers = [];
    exchange.balance();
    expect(page.answers).toEqual(new Map([[waiting, []]]));
    expect(helpers[0]?.isHelping).toBe(true);
    expect(page.answers.has(begun)).toBe(false);
  });

  it('gives back the rest of a chunk whose helper was given a page', async () => {
    const { helpers, owner } = open(1);
    const page = owner();
    const chunk = page.handOut(3);
    await helpers[0]?.finish(1);
    expect(page.answers.get(chunk)).toEqual([read(crop(0))]);
  });

  it('helps a page no more whose lines an engine died of, and only that page', async () => {
    const { helpers, owner } = open(2);
    const [poison, other] = [owner(), owner()];
    expect([poison.granted, other.granted]).toEqual([4, 0]);
    const chunks = [poison.handOut(), poison.handOut(), poison.handOut()];
    await helpers[0]?.die();
    expect(poison.answers.get(chunks[0] ?? -1)).toEqual([]);
    expect(poison.answers.get(chunks[2] ?? -1)).toEqual([]);
    expect(other.granted).toBeGreaterThan(0);
    // What was granted before that comes back at once.
    const late = poison.handOut();
    expect(poison.answers.get(late)).toEqual([]);
    await helpers[1]?.finish();
    expect(poison.answers.get(chunks[1] ?? -1)).toHaveLength(1);
    expect(poison.granted).toBe(0);
  });

  it('refuses what was not granted', () => {
    const { owner } = open(1);
    const { page } = owner();
    for (const chunk of [0, 1]) expect(page?.add({ chunk, crops: [crop(0)] })).toBe(true);
    expect(page?.add({ chunk: 2, crops: [crop(0)] })).toBe(false);
  });

  it('turns to the next page when one has no lines left, or has ended', () => {
    const { owner, helpers } = open(1);
    const [first, second, third] = [owner(), owner(), owner()];
    first.handOut();
    first.page?.endHandingOut();
    expect([second.granted, third.granted]).toEqual([1, 0]);
    second.page?.close();
    expect(third.granted).toBe(1);
    expect(helpers[0]?.isHelping).toBe(true);
  });

  it('answers each chunk once, whatever happens, and asks for no more than can be read', async () => {
    const event = fc.record({
      what: fc.constantFrom('open', 'hand out', 'no lines', 'close', 'finish', 'die', 'fewer', 'more'),
      which: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), async (events) => {
        const { helpers, free, owner, exchange } = open(3);
        let pages: Owner[] = [];
        const left = new Map<Owner, number[]>();
        const one = <T>(all: readonly T[], which: number): T | undefined => all[which % Math.max(1, all.length)];
        for (const { what, which } of events) {
          const page = one(pages, which);
          const reader = one(
            helpers.filter(({ isHelping }) => isHelping),
            which,
          );
          if (what === 'open') pages.push(owner());
          if (what === 'hand out' && page !== undefined && page.granted > 0) {
            left.set(page, [...(left.get(page) ?? []), page.handOut(1 + (which % 3))]);
          }
          if (what === 'no lines' && page !== undefined) {
            page.granted = 0;
            page.page?.endHandingOut();
          }
          if (what === 'close' && page !== undefined) {
            page.page?.close();
            pages = pages.filter((other) => other !== page);
          }
          if (what === 'finish') await reader?.finish(which % 3);
          if (what === 'die') await reader?.die();
          if (what === 'fewer') free.helpers = free.helpers.slice(1);
          if (what === 'more') free.helpers = helpers;
          exchange.balance();
          const onTheirWay = pages.reduce((sum, { page: shared }) => sum + (shared?.waiting.length ?? 0), 0);
          if (free.helpers.length === 0) expect(onTheirWay).toBe(0);
          expect(onTheirWay).toBeLessThanOrEqual(2 * helpers.length);
        }
        free.helpers = [];
        exchange.balance();
        for (const reader of helpers) if (reader.isHelping) await reader.finish();
        for (const page of pages) expect(new Set(page.answers.keys())).toEqual(new Set(left.get(page)));
      }),
      { numRuns: 300 },
    );
  });
});
