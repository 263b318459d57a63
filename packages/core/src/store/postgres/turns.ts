import { OcrError } from '../../errors.ts';

interface Waiting {
  readonly go: () => void;
}

/** So many at once; the others wait for their turn, in the order in which they came, and only for so long. */
export class Turns {
  readonly #waitLimitMs: number;
  readonly #waiting = new Set<Waiting>();
  #free: number;

  constructor(options: { readonly atOnce: number; readonly waitLimitMs: number }) {
    this.#free = options.atOnce;
    this.#waitLimitMs = options.waitLimitMs;
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await this.#wait();
    try {
      return await work();
    } finally {
      this.#passOn();
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        go: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new OcrError('store_unavailable', 'The job store is busy'));
      }, this.#waitLimitMs);
      this.#waiting.add(waiting);
    });
  }

  #passOn(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next.go();
  }
}
