/**
 * Whether this process wants requests: `starting` → `ready` → `draining`, never back. Redis has no say in it: an outage
 * must give users an error they can read, not a closed door.
 */
export interface Lifecycle {
  readonly state: 'starting' | 'ready' | 'draining';
  started(): void;
  drain(): void;
}

export function createLifecycle(): Lifecycle {
  let state: Lifecycle['state'] = 'starting';
  return {
    get state() {
      return state;
    },
    started() {
      if (state === 'starting') state = 'ready';
    },
    drain() {
      state = 'draining';
    },
  };
}
