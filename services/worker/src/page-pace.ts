/** A page weighs half as much after about seven more: a change of the pages is seen within seconds. */
const weight = 0.1;

/** Exponentially weighted mean of the time that pages spend in an engine; what waiting times are estimated from. */
export class PagePace {
  readonly #pageTimeoutMs: number;
  #meanMs: number | undefined;

  constructor(pageTimeoutMs: number) {
    this.#pageTimeoutMs = pageTimeoutMs;
  }

  /** 0 while no page was read. */
  get meanMs(): number {
    return this.#meanMs ?? 0;
  }

  /** A page cannot take longer than allowed: what seems to was read while this process was stopped. */
  add(engineMs: number): void {
    if (engineMs > this.#pageTimeoutMs) return;
    this.#meanMs = this.#meanMs === undefined ? engineMs : this.#meanMs + weight * (engineMs - this.#meanMs);
  }
}
