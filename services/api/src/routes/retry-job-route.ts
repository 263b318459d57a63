import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import { type JobQueue, type JobSender, toDurablePayload } from '@glyphmill/core/queue';
import type { JobRecord, JobState, JobStore } from '@glyphmill/core/store';
import { startSendSpan, type Tracer } from '@glyphmill/core/tracing';
import type { AppContext, AppEnv } from '../app-env.ts';
import type { BulkAdmission } from '../jobs/bulk-admission.ts';
import { jobNotFound, parseJobId } from '../jobs/find-job.ts';
import { jobSchema, queuedJobExample, toJobBody } from '../jobs/job-body.ts';
import type { PendingWork } from '@glyphmill/http/pending-work';
import { problemResponses } from '../problem-docs.ts';

const route = createRoute({
  method: 'post',
  operationId: 'retryJob',
  path: '/jobs/{id}/retry',
  summary: 'Try a failed job again',
  description: 'It starts over, with all its attempts. Only jobs of `POST /jobs` that failed can be retried.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: {
    202: {
      description: 'The job, queued again',
      headers: { Location: { description: 'Where to ask for it', schema: { type: 'string' } } },
      content: { 'application/json': { schema: jobSchema, example: { ...queuedJobExample, position: undefined } } },
    },
    ...problemResponses([
      'unauthorized',
      'forbidden_origin',
      'job_not_found',
      'job_not_retryable',
      'queue_full',
      'internal',
      'queue_unavailable',
      'store_unavailable',
      'storage_full',
    ]),
  },
});

export interface RetryJobOptions {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly sender: JobSender;
  readonly bulkAdmission: BulkAdmission;
  readonly tracer: Tracer;
  readonly cleanUps: PendingWork;
}

export function addRetryJobRoute(app: OpenAPIHono<AppEnv>, options: RetryJobOptions): void {
  const { bulkAdmission, cleanUps, queue, store } = options;
  app.openAPIRegistry.registerPath(route);
  app.post('/jobs/:id/retry', async (c) => {
    const id = parseJobId(c.req.param('id'));
    c.set('jobId', id);
    // What cannot be retried is told so also while there is no room.
    const states = await store.states([id]);
    if (states.get(id) !== 'failed') throw await whyNot(id, states.get(id), queue);
    const room = await bulkAdmission.admit(1);
    let queued = 0;
    try {
      const retried = await store.retryFailed(id);
      switch (retried.kind) {
        case 'queued': {
          const { job } = retried;
          queued = 1;
          void send(c, job, options);
          // A notice that is lost is made up for by the poll of whoever waits.
          void cleanUps.track(queue.announce(id, 'queued').catch(() => undefined));
          return c.json(toJobBody(job, { requestId: c.get('requestId') }), 202, { location: `/jobs/${id}` });
        }
        case 'not_failed':
          throw notRetryable(retried.job.state);
        case 'unknown':
          throw jobNotFound();
      }
    } finally {
      room.settle(queued);
    }
  });
}

async function send(c: AppContext, job: JobRecord, { sender, tracer }: RetryJobOptions): Promise<void> {
  const { lane, priority } = job;
  const span = startSendSpan(tracer, { lane, jobIds: [job.id], parent: c.get('span')?.traceparent });
  const payload = toDurablePayload({ ...job, traceparent: span.traceparent }, Date.now());
  await sender.send(lane, [{ payload, priority }]);
  span.end();
}

async function whyNot(id: string, state: JobState | undefined, queue: JobQueue): Promise<OcrError> {
  const known = state ?? (await queue.state(id));
  return known === 'unknown' ? jobNotFound() : notRetryable(known);
}

function notRetryable(state: string): OcrError {
  return new OcrError('job_not_retryable', `Only failed jobs of POST /jobs can be retried; this one is ${state}`);
}
