export interface FetchTimer {
  /** Fires when the time is up or the caller's own signal fires. */
  readonly signal: AbortSignal;
  /** The clock stands still while `wait` runs: a server is not to blame for our own lack of room. */
  pauseFor(wait: () => Promise<void>): Promise<void>;
  stop(): void;
}

export function startFetchTimer(timeoutMs: number, caller: AbortSignal): FetchTimer {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  caller.addEventListener('abort', abort, { once: true });
  let remainingMs = timeoutMs;
  let startedAt = performance.now();
  let timer = setTimeout(abort, remainingMs);
  let stopped = false;
  return {
    signal: controller.signal,
    async pauseFor(wait) {
      clearTimeout(timer);
      remainingMs -= performance.now() - startedAt;
      try {
        await wait();
      } finally {
        startedAt = performance.now();
        if (!stopped) timer = setTimeout(abort, Math.max(1, remainingMs));
      }
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
      caller.removeEventListener('abort', abort);
    },
  };
}
