import { type Clocks, DueTime } from '@glyphmill/core/due-time';
import type { Claim } from '@glyphmill/core/store';

export interface LeaseKeeperOptions {
  /** Returns the claims that no longer hold. */
  readonly renew: (claims: readonly Claim[], leaseMs: number) => Promise<readonly Claim[]>;
  readonly leaseMs: number;
  readonly onRenewed: () => void;
  readonly onFailure: (error: unknown) => void;
  readonly clocks?: Clocks;
}

interface KeptClaim {
  readonly claim: Claim;
  readonly onLost: () => void;
}

/** Looked at so often; a process that was stopped for a while finds out within this time. */
const tickMs = 500;
const retryMs = 1_000;

/** Renews the leases of all claims of this worker together, and tells of those that were lost. */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  /** By token. */
  readonly #kept = new Map<string, KeptClaim>();
  readonly #timer: NodeJS.Timeout;
  readonly #renewal: DueTime;
  #isRenewing = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#renewal = new DueTime(options.clocks);
    this.#timer = setInterval(() => void this.#tick(), tickMs);
    this.#timer.unref();
  }

  /** `onLost` is called at most once, and not after the returned function was. */
  keep(claim: Claim, onLost: () => void): () => void {
    if (this.#kept.size === 0) this.#renewLater();
    this.#kept.set(claim.token, { claim, onLost });
    return () => {
      this.#kept.delete(claim.token);
    };
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #tick(): Promise<void> {
    if (this.#kept.size === 0 || this.#isRenewing || !this.#renewal.isDue) return;
    const { renew, leaseMs, onRenewed, onFailure } = this.#options;
    this.#isRenewing = true;
    try {
      const lost = await renew(
        [...this.#kept.values()].map(({ claim }) => claim),
        leaseMs,
      );
      this.#renewLater();
      onRenewed();
      for (const { token } of lost) this.#lose(token);
    } catch (error) {
      this.#renewal.setIn(retryMs);
      onFailure(error);
    } finally {
      this.#isRenewing = false;
    }
  }

  #renewLater(): void {
    this.#renewal.setIn(this.#options.leaseMs / 4);
  }

  #lose(token: string): void {
    const kept = this.#kept.get(token);
    this.#kept.delete(token);
    kept?.onLost();
  }
}
