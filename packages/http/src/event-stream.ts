/** The second keeps proxies from collecting events. */
export const eventStreamHeaders = {
  'content-type': 'text/event-stream; charset=utf-8',
  'x-accel-buffering': 'no',
} as const;

export interface EventStreamHooks {
  /** Fires when nobody reads any more, or nobody shall. */
  readonly signal: AbortSignal;
  /** Is handed the work of writing, so that what it needs is not closed before it ends. */
  readonly track: (work: Promise<void>) => void;
  readonly onGone: () => void;
  /** With the error that the events ended with while somebody read them. */
  readonly onEnd: (error: Error | undefined) => void;
}

/** A body of server-sent events, each written as it comes: for events so few that a slow reader piles nothing up. */
export function eventStream(
  events: AsyncGenerator<string>,
  { signal, track, onGone, onEnd }: EventStreamHooks,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  const pump = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    let failure: Error | undefined;
    try {
      for await (const text of events) controller.enqueue(encoder.encode(text));
    } catch (error) {
      // Nobody reads any more: that is no fault.
      if (!signal.aborted) failure = error instanceof Error ? error : new Error('unknown');
    }
    onEnd(failure);
    try {
      controller.close();
    } catch {
      // The reader was gone first.
    }
  };
  return new ReadableStream({
    start(controller) {
      track(pump(controller));
    },
    cancel: onGone,
  });
}
