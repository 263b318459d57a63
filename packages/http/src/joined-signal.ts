export interface JoinedSignal {
  readonly signal: AbortSignal;
  /** To be called when nobody needs it any more. */
  release(): void;
}

/**
 * Fires when any of the signals does. Unlike AbortSignal.any it leaves nothing behind at signals that live as long as
 * the process.
 */
export function joinSignals(...signals: readonly AbortSignal[]): JoinedSignal {
  const joined = new AbortController();
  const abort = () => {
    joined.abort();
  };
  for (const signal of signals) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  }
  return {
    signal: joined.signal,
    release() {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    },
  };
}
