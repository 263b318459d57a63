import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { eventStream, eventStreamHeaders } from '@glyphmill/http/event-stream';
import { joinSignals } from '@glyphmill/http/joined-signal';
import type { Lifecycle } from '@glyphmill/http/lifecycle';
import type { PendingWork } from '@glyphmill/http/pending-work';
import type { Hono } from 'hono';
import { changeEvents } from '../change-events.ts';
import type { ChangeWatch } from '../change-watch.ts';
import type { WebEnv } from '../web-env.ts';
import type { WebMetrics } from '../web-metrics.ts';

export interface EventsRouteOptions {
  readonly watch: ChangeWatch;
  readonly lifecycle: Pick<Lifecycle, 'draining'>;
  readonly metrics: Pick<WebMetrics, 'eventStreams'>;
  readonly logger: Pick<Logger, 'error'>;
  /** Streams must end before the store is closed. */
  readonly pending: PendingWork;
  readonly maxEventStreams?: number;
}

/** Each is an open page. */
const defaultMaxEventStreams = 200;

/** Server-sent events: `changed` whenever an open page ought to be made anew. They say nothing of what has changed. */
export function addEventsRoute(app: Hono<WebEnv>, options: EventsRouteOptions): void {
  const { watch, lifecycle, metrics, logger, pending, maxEventStreams = defaultMaxEventStreams } = options;
  let open = 0;
  app.get('/events', (c) => {
    // Nobody would read the stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, eventStreamHeaders);
    if (open >= maxEventStreams) throw new OcrError('queue_full', 'Too many pages are open', { retryAfterSeconds: 30 });
    open++;
    metrics.eventStreams.inc();
    const gone = new AbortController();
    const over = joinSignals(gone.signal, c.req.raw.signal, lifecycle.draining);
    const stream = eventStream(changeEvents({ watch, signal: over.signal }), {
      signal: over.signal,
      track: (work) => void pending.track(work),
      onGone: () => {
        gone.abort();
      },
      onEnd: (error) => {
        over.release();
        open--;
        metrics.eventStreams.dec();
        if (error !== undefined)
          logger.error({ requestId: c.get('requestId'), reason: error.message }, 'Event stream failed');
      },
    });
    return c.body(stream, 200, eventStreamHeaders);
  });
}
