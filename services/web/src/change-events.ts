import type { ChangeWatch } from './change-watch.ts';

export interface ChangeEventsOptions {
  readonly watch: Pick<ChangeWatch, 'listen'>;
  /** The reader has gone, or the process is draining. */
  readonly signal: AbortSignal;
  readonly heartbeatMs?: number;
}

const defaultHeartbeatMs = 15_000;

/** The text of an event stream: an event for each change, and a comment now and then, by which lost readers are found. */
export async function* changeEvents({
  watch,
  signal,
  heartbeatMs = defaultHeartbeatMs,
}: ChangeEventsOptions): AsyncGenerator<string> {
  let changed = false;
  let wake: () => void = () => undefined;
  const listening = watch.listen(() => {
    changed = true;
    wake();
  });
  const onAbort = () => {
    wake();
  };
  signal.addEventListener('abort', onAbort);
  try {
    // How soon a browser connects again when the connection breaks.
    yield 'retry: 2000\n\n';
    while (!signal.aborted) {
      if (!changed) await wakenWithin(heartbeatMs, (waken) => (wake = waken));
      if (signal.aborted) return;
      yield changed ? 'event: changed\ndata: \n\n' : ': still here\n\n';
      changed = false;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    listening.close();
  }
}

function wakenWithin(timeoutMs: number, hand: (waken: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, timeoutMs);
    hand(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
