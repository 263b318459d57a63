import type { Lane } from '@glyphmill/core/queue';

export interface Entry {
  readonly lane: Lane;
  /** Runs while no other page runs in this worker. */
  readonly alone: boolean;
  readonly signal: AbortSignal;
}

interface Waiter extends Entry {
  readonly admit: () => void;
}

/**
 * Decides which downloaded page goes to an engine next. At most `slots` are inside; of those that wait, pages that must
 * run alone go first, then interactive ones, then bulk. A page that runs alone would never get its turn otherwise, and
 * interactive pages would wait behind bulk pages that were only fetched ahead. Bulk is not starved: the consumer takes
 * it in turn, and pages that wait here hold the consumer's slots, so that soon nothing else waits.
 */
export class EngineGate {
  readonly #slots: number;
  readonly #waiting: Waiter[] = [];
  #inside = 0;
  #aloneInside = false;

  constructor(slots: number) {
    this.#slots = slots;
  }

  /** Resolves with what to call when the page has left its engine; rejects with an AbortError when the signal fires. */
  enter(entry: Entry): Promise<() => void> {
    return new Promise((resolve, reject) => {
      if (entry.signal.aborted) return reject(aborted());
      const leaveQueue = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        this.#admitWaiting();
        reject(aborted());
      };
      const waiter: Waiter = {
        ...entry,
        admit: () => {
          entry.signal.removeEventListener('abort', leaveQueue);
          this.#inside += 1;
          this.#aloneInside = entry.alone;
          resolve(() => this.#leave());
        },
      };
      entry.signal.addEventListener('abort', leaveQueue, { once: true });
      this.#waiting.push(waiter);
      this.#admitWaiting();
    });
  }

  #leave(): void {
    this.#inside -= 1;
    this.#aloneInside = false;
    this.#admitWaiting();
  }

  #admitWaiting(): void {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const isFree = next.alone ? this.#inside === 0 : this.#inside < this.#slots && !this.#aloneInside;
      if (!isFree) return;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      next.admit();
    }
  }

  #next(): Waiter | undefined {
    return (
      this.#waiting.find(({ alone }) => alone) ??
      this.#waiting.find(({ lane }) => lane === 'interactive') ??
      this.#waiting[0]
    );
  }
}

function aborted(): DOMException {
  return new DOMException('The wait was aborted', 'AbortError');
}
