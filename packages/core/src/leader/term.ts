/** Thrown by `check` to leave a task whose leader has been deposed; nothing is wrong then. */
export class TermOver extends Error {
  override readonly name = 'TermOver';
}

const ranOut = 'the lease ran out';

/**
 * The time for which this process may lead. It ends by the clock and not by a message: a process that was stopped for a
 * while wakes up deposed, before any timer has told it so. Both clocks have a say: one stands still while the machine
 * sleeps, the other may be set back.
 */
export class Term {
  readonly #controller = new AbortController();
  #endsAt: Moment;
  #timer: NodeJS.Timeout | undefined;

  constructor(endsAt: Moment) {
    this.#endsAt = endsAt;
    this.extend(endsAt);
  }

  /** For what waits; whoever is about to act asks `check`. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get isOver(): boolean {
    return this.signal.aborted || isPast(this.#endsAt);
  }

  /** Called before each step. Throws TermOver. */
  check(): void {
    if (this.isOver) throw new TermOver(ranOut);
  }

  /** A term that is over stays so. */
  extend(endsAt: Moment): void {
    this.#endsAt = endsAt;
    clearTimeout(this.#timer);
    if (this.signal.aborted) return;
    const leftMs = Math.max(endsAt.monotonicMs - performance.now(), 0);
    this.#timer = setTimeout(() => {
      this.end(ranOut);
    }, leftMs);
    this.#timer.unref();
  }

  end(reason: string): void {
    clearTimeout(this.#timer);
    this.#controller.abort(new TermOver(reason));
  }
}

/** One moment by both clocks. */
export interface Moment {
  readonly wallMs: number;
  readonly monotonicMs: number;
}

export function momentIn(ms: number): Moment {
  return { wallMs: Date.now() + ms, monotonicMs: performance.now() + ms };
}

function isPast({ wallMs, monotonicMs }: Moment): boolean {
  return Date.now() >= wallMs || performance.now() >= monotonicMs;
}
