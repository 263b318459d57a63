import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { EphemeralState, JobQueue } from '@glyphmill/core/queue';
import type { JobStore, JobSummary } from '@glyphmill/core/store';
import type { AppEnv } from '../app-env.ts';
import { jobNotFound, parseJobId } from '../jobs/find-job.ts';
import { jobSchema, queuedJobExample, toJobBody } from '../jobs/job-body.ts';
import type { PendingWork } from '@glyphmill/http/pending-work';
import { problemResponses } from '../problem-docs.ts';

const route = createRoute({
  method: 'delete',
  operationId: 'cancelJob',
  path: '/jobs/{id}',
  summary: 'Cancel a job',
  description:
    'A job that waits is never run; one that runs is stopped within about a second. Canceling twice is harmless.',
  request: { params: z.object({ id: z.uuid() }) },
  responses: {
    200: {
      description: 'The job, canceled',
      content: {
        'application/json': {
          schema: jobSchema,
          example: {
            ...queuedJobExample,
            state: 'canceled',
            position: undefined,
            finished_at: '2026-11-25T09:30:01.500Z',
          },
        },
      },
    },
    ...problemResponses([
      'unauthorized',
      'forbidden_origin',
      'job_not_found',
      'job_not_cancelable',
      'internal',
      'queue_unavailable',
      'store_unavailable',
      'storage_full',
    ]),
  },
});

export interface CancelJobOptions {
  readonly store: JobStore;
  readonly queue: JobQueue;
  readonly logger: Logger;
  /** What goes on after the answer; settled before the queue is closed. */
  readonly cleanUps: PendingWork;
}

export function addCancelJobRoute(app: OpenAPIHono<AppEnv>, options: CancelJobOptions): void {
  const { store, queue } = options;
  app.openAPIRegistry.registerPath(route);
  app.delete('/jobs/:id', async (c) => {
    const id = parseJobId(c.req.param('id'));
    c.set('jobId', id);
    const canceled = await store.cancel(id);
    switch (canceled.kind) {
      case 'canceled':
        void options.cleanUps.track(stopRun(canceled.job, options));
        return c.json(toJobBody(canceled.job, { requestId: c.get('requestId') }));
      case 'ended':
        if (canceled.job.state !== 'canceled') throw notCancelable(canceled.job.state);
        return c.json(toJobBody(canceled.job, { requestId: c.get('requestId') }));
      case 'unknown':
        await cancelEphemeral(id, queue);
        return c.json({ id, state: 'canceled' });
    }
  });
}

/** The row says already that the job has ended. The queue only makes that known sooner than the next renewal would. */
async function stopRun(job: JobSummary, { queue, logger }: CancelJobOptions): Promise<void> {
  const done = await Promise.allSettled([
    queue.cancel(job.lane, job.id, job.generation),
    queue.announce(job.id, 'canceled'),
  ]);
  const failed = done.find((settled) => settled.status === 'rejected');
  if (failed === undefined) return;
  const reason = OcrError.from(failed.reason).code;
  logger.warn({ jobId: job.id, reason }, 'The queue was not told of a canceled job; its worker will notice');
}

/** A job that goes on after the 202 of `POST /analyze`. */
async function cancelEphemeral(id: string, queue: JobQueue): Promise<void> {
  const state = await queue.state(id);
  if (state === 'unknown') throw jobNotFound();
  if (state === 'succeeded' || state === 'failed') throw notCancelable(state);
  if (state !== 'canceled') await queue.cancel('interactive', id);
}

function notCancelable(state: JobSummary['state'] | EphemeralState): OcrError {
  return new OcrError('job_not_cancelable', `The job has already ${state}`);
}
