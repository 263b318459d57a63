import type { Readiness } from '@glyphmill/core/ops-server';

/**
 * Whether this process wants requests: `starting` → `ready` → `draining`, never back. Redis has no say in it: an outage
 * must give users an error they can read, not a closed door.
 */
export interface Lifecycle {
  readonly state: 'starting' | 'ready' | 'draining';
  /** Fires when draining begins: whoever only waits for something answers at once. */
  readonly draining: AbortSignal;
  started(): void;
  drain(): void;
}

export function createLifecycle(): Lifecycle {
  const draining = new AbortController();
  let state: Lifecycle['state'] = 'starting';
  return {
    get state() {
      return state;
    },
    draining: draining.signal,
    started() {
      if (state === 'starting') state = 'ready';
    },
    drain() {
      state = 'draining';
      draining.abort();
    },
  };
}

/** Started and not draining; see `Lifecycle` for why nothing else counts. */
export function readiness(lifecycle: Pick<Lifecycle, 'state'>): Readiness {
  const { state } = lifecycle;
  return { ready: state === 'ready', reasons: state === 'ready' ? [] : [state] };
}
