import type { Crop } from './crop.ts';
import type { Reading } from './ctc-decode.ts';
import type { Image } from './image.ts';
import { cutLine, recognizeLine, textWidth, type TextRecognizer } from './text-recognizer.ts';
import type { Quad } from './types.ts';

/** A few lines of a page, cut out for somebody else to read. */
export interface LineChunk {
  /** Names the chunk among those of its page. */
  readonly chunk: number;
  readonly crops: readonly Crop[];
}

/** What can be handed out and answered, as long as the page is being read. */
export interface LineSource {
  /**
   * The next lines for one of so many helpers; undefined when none are left. All helpers and the page's own engine
   * then have something to do for a while, and the less is left, the smaller the chunks, so that all end together.
   */
  handOut(helpers: number): LineChunk | undefined;
  /** What the first lines of a chunk say; those beyond the readings come back, and are read by the page's own engine. */
  settle(chunk: number, readings: readonly Reading[]): void;
}

/** Others who may read lines of a page while its own engine reads the rest. */
export interface LineHelp {
  /** Called once the lines are found. */
  begin(lines: LineSource): void;
  /** Called when all lines were read, or will not be. */
  end(): void;
}

/** About 30 ms of a core's time: what a helper reads before it looks for anything else to do. */
const maxChunkColumns = 512;

/** Each chunk is this share of an equal part of what is left (guided self-scheduling). */
const chunkShare = 4;

/**
 * For so long the last answers are waited for when there is nothing else to do: ten times what a chunk takes. A helper
 * that is dead is known to be; this is for one that stands still.
 */
const defaultPatienceMs = 500;

interface Place<L> {
  readonly line: L;
  readonly columns: number;
  reading?: Reading;
}

/**
 * The lines of one page, read by its own engine and by whoever helps, longest first. Whoever reads a line sees the same
 * pixels in the same shape, so that the result does not depend on who did.
 */
export class SharedLines<L extends { readonly along: Quad }> implements LineSource {
  readonly #recognizer: TextRecognizer;
  readonly #page: Image;
  readonly #places: readonly Place<L>[];
  /** Longest first; those that came back from helpers are not handed out again. */
  readonly #rest: Place<L>[];
  readonly #returned: Place<L>[] = [];
  readonly #out = new Map<number, readonly Place<L>[]>();
  readonly #patienceMs: number;
  #restColumns: number;
  #chunks = 0;
  #answered: (() => void) | undefined;

  constructor(
    recognizer: TextRecognizer,
    page: Image,
    lines: readonly L[],
    { patienceMs = defaultPatienceMs }: { readonly patienceMs?: number } = {},
  ) {
    this.#patienceMs = patienceMs;
    this.#recognizer = recognizer;
    this.#page = page;
    this.#places = lines.map((line) => ({ line, columns: textWidth(line.along) }));
    this.#rest = this.#places.toSorted((a, b) => b.columns - a.columns);
    this.#restColumns = this.#rest.reduce((sum, { columns }) => sum + columns, 0);
  }

  handOut(helpers: number): LineChunk | undefined {
    const room = Math.min(maxChunkColumns, this.#restColumns / (chunkShare * (helpers + 1)));
    const places: Place<L>[] = [];
    let columns = 0;
    for (let next = this.#rest[0]; next !== undefined; next = this.#rest[0]) {
      if (places.length > 0 && columns + next.columns > room) break;
      this.#takeNext();
      places.push(next);
      columns += next.columns;
    }
    if (places.length === 0) return undefined;
    const chunk = this.#chunks++;
    this.#out.set(chunk, places);
    return { chunk, crops: places.map(({ line }) => cutLine(this.#page, line.along)) };
  }

  settle(chunk: number, readings: readonly Reading[]): void {
    const places = this.#out.get(chunk) ?? [];
    this.#out.delete(chunk);
    for (const [at, place] of places.entries()) {
      const reading = readings[at];
      if (reading === undefined) this.#returned.push(place);
      else place.reading = reading;
    }
    this.#answered?.();
  }

  /**
   * Reads what nobody else reads and waits for the others; all lines in their order. Rejects with the signal's reason,
   * and with what the network threw.
   */
  async read(signal?: AbortSignal): Promise<(L & { readonly reading: Reading })[]> {
    for (;;) {
      signal?.throwIfAborted();
      const next = this.#returned.shift() ?? this.#takeNext();
      if (next !== undefined) {
        next.reading = await recognizeLine(this.#recognizer, this.#page, next.line.along, { signal });
      } else if (this.#out.size > 0) {
        await this.#answer(signal);
      } else {
        break;
      }
    }
    return this.#places.map(({ line, reading }) => {
      if (reading === undefined) throw new Error('A line was not read');
      return { ...line, reading };
    });
  }

  #takeNext(): Place<L> | undefined {
    const next = this.#rest.shift();
    this.#restColumns -= next?.columns ?? 0;
    return next;
  }

  /** Resolves with the next answer; takes everything back when none comes. */
  #answer(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', go);
        this.#answered = undefined;
        resolve();
      };
      const timer = setTimeout(() => {
        for (const chunk of this.#out.keys()) this.settle(chunk, []);
      }, this.#patienceMs);
      this.#answered = go;
      signal?.addEventListener('abort', go, { once: true });
    });
  }
}
