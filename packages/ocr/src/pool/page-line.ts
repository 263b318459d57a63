/** What pages are given to. */
export interface Taker {
  readonly pagesInHand: number;
  /** It has to finish a line of somebody else's page first. */
  readonly isHelping: boolean;
  hasRoom(page: { readonly alone: boolean }): boolean;
}

export interface WaitingPage<T, R> {
  /** It shares its taker with no other page. */
  readonly alone: boolean;
  readonly signal: AbortSignal | undefined;
  /** What the page rejects with when its signal fires before its turn. */
  readonly stopped: () => Error;
  /** Called at once when its turn has come: from then on the taker has it in hand. */
  readonly begin: (taker: T) => Promise<R>;
}

interface Place<T> {
  readonly alone: boolean;
  readonly begin: (taker: T) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Pages in order of arrival, and the takers that they go to: of those that have room the one with the fewest pages in
 * hand, and of those rather one that helps nobody. A page that needs a taker of its own holds up those behind it until there is one, or it would wait for ever.
 */
export class PageLine<T extends Taker> {
  /** Those that take pages, longest without a new one first. */
  #takers: readonly T[] = [];
  readonly #places: Place<T>[] = [];

  get takers(): readonly T[] {
    return this.#takers;
  }

  get waiting(): number {
    return this.#places.length;
  }

  wait<R>({ alone, signal, stopped, begin }: WaitingPage<T, R>): Promise<R> {
    const { promise, resolve, reject } = Promise.withResolvers<R>();
    const stepOut = (): void => {
      this.#places.splice(this.#places.indexOf(place), 1);
      reject(stopped());
      this.#admit();
    };
    const place: Place<T> = {
      alone,
      reject,
      begin(taker) {
        signal?.removeEventListener('abort', stepOut);
        new Promise<R>((done) => done(begin(taker))).then(resolve, reject);
      },
    };
    signal?.addEventListener('abort', stepOut, { once: true });
    this.#places.push(place);
    this.#admit();
    return promise;
  }

  /** It has room, or more room than before. */
  offer(taker: T): void {
    this.#takers = [...this.#takers.filter((other) => other !== taker), taker];
    this.#admit();
  }

  /** It takes no more pages. False if it took none already. */
  leave(taker: T): boolean {
    const before = this.#takers.length;
    this.#takers = this.#takers.filter((other) => other !== taker);
    return this.#takers.length < before;
  }

  /** All that wait reject with the error. */
  close(error: Error): void {
    this.#takers = [];
    for (const place of this.#places.splice(0)) place.reject(error);
  }

  #admit(): void {
    for (let [next] = this.#places; next !== undefined; [next] = this.#places) {
      const taker = this.#roomiest(next);
      if (taker === undefined) return;
      this.#places.shift();
      next.begin(taker);
    }
  }

  #roomiest(page: { readonly alone: boolean }): T | undefined {
    let roomiest: T | undefined;
    for (const taker of this.#takers) {
      if (!taker.hasRoom(page)) continue;
      if (roomiest === undefined || load(taker) < load(roomiest)) roomiest = taker;
    }
    return roomiest;
  }
}

function load({ pagesInHand, isHelping }: Taker): number {
  return pagesInHand + (isHelping ? 0.5 : 0);
}
