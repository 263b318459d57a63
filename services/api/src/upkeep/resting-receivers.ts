/**
 * A receiver that does not answer in time is left alone for so long; its events wait, without counting as tried. So it
 * holds up the others by one time limit a minute at most.
 */
const restMs = 60_000;

/** Which receivers of webhooks are left alone for now, by host. */
export class RestingReceivers {
  readonly #now: () => number;
  readonly #until = new Map<string, number>();

  constructor(now: () => number) {
    this.#now = now;
  }

  rest(url: string): void {
    const now = this.#now();
    for (const [host, until] of this.#until) if (until <= now) this.#until.delete(host);
    this.#until.set(receiverOf(url), now + restMs);
  }

  isResting(url: string): boolean {
    return (this.#until.get(receiverOf(url)) ?? 0) > this.#now();
  }
}

/** Host and port. */
export function receiverOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}
