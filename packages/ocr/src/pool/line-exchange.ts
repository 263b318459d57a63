import type { Crop } from '../crop.ts';
import type { Reading } from '../ctc-decode.ts';

/** An engine that has no page of its own. */
export interface LineHelper {
  /** It reads lines at this moment. */
  readonly isHelping: boolean;
  /**
   * Reads lines in their order, and stops early when it is given a page. Rejects when it died or did not answer: the
   * lines may be to blame.
   */
  readLines(crops: readonly Crop[]): Promise<readonly Reading[]>;
}

/** The engine that has a page, as far as the page's lines go. */
export interface LineOwner {
  /** It may hand out so many chunks more, to one of so many helpers. */
  grant(chunks: number, helpers: number): void;
  /** What came of a chunk: readings of its first lines. The owner reads the others itself. */
  answer(chunk: number, readings: readonly Reading[]): void;
}

interface Chunk {
  readonly chunk: number;
  readonly crops: readonly Crop[];
}

/** Each helper has a chunk, and one more lies ready, so that it need not wait for the owner, who is busy reading. */
const chunksPerHelper = 2;

/**
 * A page whose lines may be read by others. It gets chunks as it is granted them:
 *
 *     grant ──▶ add ──▶ waiting ──▶ with a helper ──▶ answer
 *                          └── helpers have pages now ──▲
 */
export class SharedPage {
  readonly owner: LineOwner;
  readonly #exchange: LineExchange;
  readonly waiting: Chunk[] = [];
  granted = 0;
  /** It has lines left, and nobody died of those that it had before. */
  wantsHelp = true;

  constructor(owner: LineOwner, exchange: LineExchange) {
    this.owner = owner;
    this.#exchange = exchange;
  }

  /** The owner hands out a chunk. False where it was granted none. */
  add(chunk: Chunk): boolean {
    if (this.granted === 0) return false;
    this.granted--;
    if (this.wantsHelp) this.waiting.push(chunk);
    else this.owner.answer(chunk.chunk, []);
    this.#exchange.balance();
    return true;
  }

  /** The owner has nothing left to hand out. */
  endHandingOut(): void {
    this.wantsHelp = false;
    this.granted = 0;
    this.#exchange.balance();
  }

  /** The page has left its owner: whatever comes of its lines now, nobody wants it. */
  close(): void {
    this.#exchange.remove(this);
  }
}

/**
 * Brings lines of the pages in hand to engines that have no page. Pages go first: as soon as all engines have one, nothing
 * is handed out any more, and chunks that nobody has begun go back to their owners.
 */
export class LineExchange {
  readonly #helpers: () => readonly LineHelper[];
  readonly #pages = new Set<SharedPage>();
  #linesRead = 0;

  /** `helpers` tells the engines without a page; none while pages wait for an engine. */
  constructor(helpers: () => readonly LineHelper[]) {
    this.#helpers = helpers;
  }

  /** Lines that were read by another engine than that of their page. */
  get linesRead(): number {
    return this.#linesRead;
  }

  open(owner: LineOwner): SharedPage {
    const page = new SharedPage(owner, this);
    this.#pages.add(page);
    this.balance();
    return page;
  }

  remove(page: SharedPage): void {
    this.#pages.delete(page);
    page.waiting.length = 0;
    this.balance();
  }

  /** To be called when an engine takes or leaves a page, comes or goes. */
  balance(): void {
    const helpers = this.#helpers();
    for (const helper of helpers) {
      if (helper.isHelping) continue;
      const page = this.#fewest(({ waiting }) => waiting.length > 0);
      const chunk = page?.waiting.shift();
      if (page === undefined || chunk === undefined) break;
      void this.#lend(helper, page, chunk);
    }
    if (helpers.length === 0) this.#returnWaiting();
    else this.#grant(helpers);
  }

  async #lend(helper: LineHelper, page: SharedPage, { chunk, crops }: Chunk): Promise<void> {
    let readings: readonly Reading[] = [];
    try {
      readings = await helper.readLines(crops);
      this.#linesRead += readings.length;
    } catch {
      // The page may be what kills: then it has to do so in its own process, where it is counted, and not in all others.
      page.wantsHelp = false;
      this.#returnWaitingOf(page);
    }
    if (this.#pages.has(page)) page.owner.answer(chunk, readings);
    this.balance();
  }

  #grant(helpers: readonly LineHelper[]): void {
    const pages = [...this.#pages];
    const inHand = helpers.filter(({ isHelping }) => isHelping).length;
    const coming = pages.reduce((sum, { granted, waiting }) => sum + granted + waiting.length, 0);
    const grants = new Map<SharedPage, number>();
    for (let open = chunksPerHelper * helpers.length - inHand - coming; open > 0; open--) {
      const page = this.#fewest(({ wantsHelp }) => wantsHelp);
      if (page === undefined) break;
      page.granted++;
      grants.set(page, (grants.get(page) ?? 0) + 1);
    }
    for (const [page, chunks] of grants) page.owner.grant(chunks, helpers.length);
  }

  /** Of the pages that qualify, the one with the fewest chunks on their way. */
  #fewest(qualifies: (page: SharedPage) => boolean): SharedPage | undefined {
    let fewest: SharedPage | undefined;
    const onTheirWay = ({ granted, waiting }: SharedPage): number => granted + waiting.length;
    for (const page of this.#pages) {
      if (qualifies(page) && (fewest === undefined || onTheirWay(page) < onTheirWay(fewest))) fewest = page;
    }
    return fewest;
  }

  #returnWaiting(): void {
    for (const page of this.#pages) this.#returnWaitingOf(page);
  }

  #returnWaitingOf(page: SharedPage): void {
    for (const { chunk } of page.waiting.splice(0)) page.owner.answer(chunk, []);
  }
}
