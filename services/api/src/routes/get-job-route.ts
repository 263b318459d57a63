import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import { analysisExample } from '../analysis-body.ts';
import type { AppEnv } from '../app-env.ts';
import { findJob, jobNotFound, parseJobId } from '../jobs/find-job.ts';
import { exampleJobId, jobSchema, queuedJobExample, succeededJobExample } from '../jobs/job-body.ts';
import { problemResponses } from '../problem-docs.ts';

const parameters = { id: '$response.body#/id' };
const links = {
  events: { operationId: 'getJobEvents', parameters },
  cancel: { operationId: 'cancelJob', parameters },
  retry: { operationId: 'retryJob', parameters },
};

const route = createRoute({
  method: 'get',
  operationId: 'getJob',
  path: '/jobs/{id}',
  summary: 'How a job is doing, and what came of it',
  description: `Jobs of \`POST /jobs\` are kept (for RESULT_TTL_MS, where that is set). Those of \`POST /analyze\` that were
answered with 202 are forgotten after MAILBOX_TTL_MS, with their result.`,
  request: { params: z.object({ id: z.uuid() }) },
  responses: {
    200: {
      description: 'The job; with `result` when it succeeded and `error` when it failed',
      links,
      content: {
        'application/json': {
          schema: jobSchema,
          examples: {
            queued: { value: queuedJobExample },
            succeeded: { value: succeededJobExample },
            'of POST /analyze': { value: { id: exampleJobId, state: 'succeeded', result: analysisExample } },
          },
        },
      },
    },
    ...problemResponses([
      'unauthorized',
      'forbidden_origin',
      'job_not_found',
      'internal',
      'queue_unavailable',
      'store_unavailable',
    ]),
  },
});

export interface JobRouteOptions {
  readonly store: JobStore;
  readonly queue: JobQueue;
}

export function addGetJobRoute(app: OpenAPIHono<AppEnv>, options: JobRouteOptions): void {
  app.openAPIRegistry.registerPath(route);
  app.get('/jobs/:id', async (c) => {
    const id = parseJobId(c.req.param('id'));
    const job = await findJob(id, { ...options, requestId: c.get('requestId') });
    if (job === undefined) throw jobNotFound();
    c.set('jobId', id);
    return c.json(job.body);
  });
}
