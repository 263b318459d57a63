interface Claim {
  readonly bytes: number;
  readonly grant: () => void;
}

/** The room that one page's bytes take of the budget. */
export interface Allotment {
  /**
   * Waits its turn until so many bytes are free. More than the whole budget counts as the whole budget. One claim at a
   * time. Rejects with an AbortError when the signal fires.
   */
  claim(bytes: number, signal: AbortSignal): Promise<void>;
  /** Gives back what turned out not to be needed. */
  shrinkTo(bytes: number): void;
  release(): void;
}

/** Bounds the bytes of images that this process holds at once, whatever the number of pages and their sizes are. */
export class ByteBudget {
  readonly #totalBytes: number;
  readonly #waiting: Claim[] = [];
  #usedBytes = 0;

  constructor(totalBytes: number) {
    this.#totalBytes = totalBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  open(): Allotment {
    let heldBytes = 0;
    const shrinkTo = (bytes: number): void => {
      if (bytes >= heldBytes) return;
      this.#usedBytes -= heldBytes - bytes;
      heldBytes = bytes;
      this.#grantWaiting();
    };
    return {
      claim: (bytes, signal) =>
        this.#take(Math.min(bytes, this.#totalBytes), signal, (granted) => {
          heldBytes = granted;
        }),
      shrinkTo,
      release: () => shrinkTo(0),
    };
  }

  #take(bytes: number, signal: AbortSignal, onGrant: (bytes: number) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(aborted());
      const claim: Claim = {
        bytes,
        grant: () => {
          signal.removeEventListener('abort', leave);
          this.#usedBytes += bytes;
          onGrant(bytes);
          resolve();
        },
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(claim), 1);
        // It may have stood before smaller ones that fit.
        this.#grantWaiting();
        reject(aborted());
      };
      signal.addEventListener('abort', leave, { once: true });
      this.#waiting.push(claim);
      this.#grantWaiting();
    });
  }

  /** In order of arrival: a large image is not passed by small ones for ever. */
  #grantWaiting(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#usedBytes + next.bytes > this.#totalBytes) return;
      this.#waiting.shift();
      next.grant();
    }
  }
}

function aborted(): DOMException {
  return new DOMException('The wait was aborted', 'AbortError');
}
