import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import type { ApiMetrics } from '../api-metrics.ts';
import type { AppEnv } from '../app-env.ts';
import { findJob, jobNotFound, parseJobId } from '../jobs/find-job.ts';
import { queuedJobExample, stateSchema } from '../jobs/job-body.ts';
import { eventText, jobEvents } from '../jobs/job-events.ts';
import { hasEnded, type JobWatch } from '../jobs/job-watch.ts';
import { eventStream, eventStreamHeaders } from '@glyphmill/http/event-stream';
import { joinSignals } from '@glyphmill/http/joined-signal';
import type { Lifecycle } from '@glyphmill/http/lifecycle';
import type { PendingWork } from '@glyphmill/http/pending-work';
import { problemResponses } from '../problem-docs.ts';

/** One event of the stream. */
const eventSchema = z
  .object({
    event: z.literal('state'),
    id: stateSchema,
    data: z.string().openapi({ description: 'A Job, as JSON' }),
  })
  .openapi('JobEvent', { description: 'Each event of the stream; comments stand between them' });

const route = createRoute({
  method: 'get',
  operationId: 'getJobEvents',
  path: '/jobs/{id}/events',
  summary: 'Hear of a job until it has ended',
  description: `Server-sent events. The first \`state\` event is the job as it is, each later one the job after a change; the
stream ends after the event of its end. Comments come every 15 s, so that nobody takes a quiet line for a dead one. A
browser's EventSource connects again by itself, and is then told with 204 that there is nothing more to hear.`,
  request: {
    params: z.object({ id: z.uuid() }),
    headers: z.object({
      'last-event-id': z.string().optional().openapi({ description: 'The state that was heard last' }),
    }),
  },
  responses: {
    200: {
      description: 'Events named `state`, whose data is the job as `GET /jobs/{id}` gives it',
      content: { 'text/event-stream': { schema: eventSchema, example: eventText(queuedJobExample) } },
    },
    204: { description: 'The job has ended with the state of `Last-Event-ID`' },
    ...problemResponses([
      'unauthorized',
      'forbidden_origin',
      'job_not_found',
      'queue_full',
      'internal',
      'queue_unavailable',
      'store_unavailable',
    ]),
  },
});

export interface JobEventsRouteOptions {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly watch: JobWatch;
  readonly lifecycle: Pick<Lifecycle, 'draining'>;
  readonly metrics: Pick<ApiMetrics, 'eventStreams'>;
  readonly logger: Logger;
  /** Streams must end before the store is closed. */
  readonly cleanUps: PendingWork;
  readonly maxEventStreams?: number;
}

/** Each holds a connection and a subscription. */
const defaultMaxEventStreams = 1_000;
const retryAfterSeconds = 5;

export function addJobEventsRoute(app: OpenAPIHono<AppEnv>, options: JobEventsRouteOptions): void {
  const { lifecycle, logger, maxEventStreams = defaultMaxEventStreams, metrics, watch } = options;
  let open = 0;
  app.openAPIRegistry.registerPath(route);
  app.get('/jobs/:id/events', async (c) => {
    const id = parseJobId(c.req.param('id'));
    const requestId = c.get('requestId');
    const find = () => findJob(id, { ...options, requestId });
    const found = await find();
    if (found === undefined) throw jobNotFound();
    c.set('jobId', id);
    const { state } = found.body;
    if (hasEnded(state) && c.req.header('last-event-id') === state) return c.body(null, 204);
    // Nobody would read the stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, eventStreamHeaders);
    if (open >= maxEventStreams) {
      throw new OcrError('queue_full', 'Too many event streams are open', { retryAfterSeconds });
    }
    open++;
    metrics.eventStreams.inc();
    const gone = new AbortController();
    const over = joinSignals(gone.signal, c.req.raw.signal, lifecycle.draining);
    const stream = eventStream(jobEvents(found, { watch, find, signal: over.signal }), {
      signal: over.signal,
      track: (work) => void options.cleanUps.track(work),
      onGone: () => {
        gone.abort();
      },
      onEnd: (error) => {
        over.release();
        open--;
        metrics.eventStreams.dec();
        if (error !== undefined) logger.error({ jobId: id, requestId, reason: error.message }, 'Event stream failed');
      },
    });
    return c.body(stream, 200, eventStreamHeaders);
  });
}
