import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import type { JobQueue, Outcome } from '@glyphmill/core/queue';
import { analysisExample, analysisSchema, toAnalysis } from '../analysis-body.ts';
import type { AppEnv } from '../app-env.ts';
import { problemResponses } from '../problem-docs.ts';
import { problemSchema, toProblem } from '../problem.ts';

const jobSchema = z
  .object({
    id: z.uuid(),
    state: z.enum(['queued', 'active', 'succeeded', 'failed', 'canceled']),
    result: analysisSchema.optional(),
    error: problemSchema.optional(),
  })
  .openapi('Job');
type Job = z.infer<typeof jobSchema>;

const idSchema = z.uuid();

const route = createRoute({
  method: 'get',
  path: '/jobs/{id}',
  summary: 'How a job is doing, and what came of it',
  description:
    'Answers for requests that got a 202. A result is kept for MAILBOX_TTL_MS and then forgotten, like the job.',
  request: { params: z.object({ id: idSchema }) },
  responses: {
    200: {
      description: 'The job; with `result` when it succeeded and `error` when it failed',
      content: {
        'application/json': {
          schema: jobSchema,
          examples: {
            active: { value: { id: '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21', state: 'active' } },
            succeeded: {
              value: { id: '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21', state: 'succeeded', result: analysisExample },
            },
          },
        },
      },
    },
    ...problemResponses(['unauthorized', 'forbidden_origin', 'job_not_found', 'internal', 'queue_unavailable']),
  },
});

export function addGetJobRoute(app: OpenAPIHono<AppEnv>, { queue }: { queue: JobQueue }): void {
  app.openAPIRegistry.registerPath(route);
  app.get('/jobs/:id', async (c) => {
    const id = idSchema.safeParse(c.req.param('id').toLowerCase());
    const job = id.success ? await findJob(id.data, { queue, requestId: c.get('requestId') }) : undefined;
    if (job === undefined) throw new OcrError('job_not_found', 'There is no such job, or it is already forgotten');
    c.set('jobId', job.id);
    return c.json(job);
  });
}

interface FindJobOptions {
  readonly queue: Pick<JobQueue, 'outcome' | 'state'>;
  readonly requestId: string;
}

async function findJob(id: string, { queue, requestId }: FindJobOptions): Promise<Job | undefined> {
  const outcome = await queue.outcome(id);
  if (outcome !== undefined) return finishedJob(id, outcome, requestId);
  const state = await queue.state(id);
  if (state === 'queued' || state === 'active' || state === 'canceled') return { id, state };
  if (state === 'unknown') return undefined;
  // It ended between the two questions; or the queue gave it up without any worker saying why.
  const late = await queue.outcome(id);
  if (late !== undefined) return finishedJob(id, late, requestId);
  return state === 'failed' ? { id, state, error: toProblem(OcrError.from(undefined), requestId) } : undefined;
}

function finishedJob(id: string, outcome: Outcome, requestId: string): Job {
  if (outcome.ok) return { id, state: 'succeeded', result: toAnalysis(outcome.result) };
  const error = OcrError.fromWire(outcome.error);
  return { id, state: error.code === 'canceled' ? 'canceled' : 'failed', error: toProblem(error, requestId) };
}
