import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError, type ErrorCode } from '@glyphmill/core/errors';
import type { JobQueue } from '@glyphmill/core/queue';
import type { JobStore } from '@glyphmill/core/store';
import type { AppContext, AppEnv } from '../app-env.ts';
import { createBodyBudget } from '../body-budget.ts';
import { type Acceptance, acceptSubmission, type AcceptDependencies } from '../jobs/accept-submission.ts';
import type { CallbackPolicy } from '../jobs/callback-url.ts';
import { findJob } from '../jobs/find-job.ts';
import { keysOf, parseIdempotencyKey } from '../jobs/idempotency.ts';
import { exampleBatchId, exampleJobId, jobSchema, stateSchema, succeededJobExample } from '../jobs/job-body.ts';
import type { JobWatch } from '../jobs/job-watch.ts';
import { maxSubmissionBytes, readJsonSubmission, type SubmissionOptions } from '../jobs/json-submission.ts';
import { askForNewOnes } from '../jobs/known-keys.ts';
import { readMultipartSubmission } from '../jobs/multipart-submission.ts';
import { tinyImage } from '../tiny-image.ts';
import { batchRequestSchema, imageRequestSchema, maxIdempotencyKeyLength } from '../jobs/submission-schema.ts';
import { multipartBodySchema } from '../jobs/multipart-schema.ts';
import { maxBatchImages, type Submission } from '../jobs/submission.ts';
import { joinSignals } from '@glyphmill/http/joined-signal';
import type { Lifecycle } from '@glyphmill/http/lifecycle';
import { parsePrefer } from '../prefer-header.ts';
import { problemResponses } from '../problem-docs.ts';
import { mediaTypeOf, smallBodyBytes } from '../read-json-body.ts';

const errorCodes: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden_origin',
  'canceled',
  'body_too_large',
  'image_too_large',
  'invalid_request',
  'url_not_allowed',
  'image_unreadable',
  'idempotency_conflict',
  'queue_full',
  'internal',
  'store_unavailable',
  'storage_full',
];

const acceptedSchema = z.object({ id: z.uuid(), state: stateSchema }).openapi('Accepted');

const acceptedBatchSchema = z
  .object({
    batch: z.uuid().optional().openapi({
      description: 'Absent only where all images were known by keys of their own and belong to different batches',
    }),
    jobs: z.array(z.object({ index: z.int(), id: z.uuid(), state: stateSchema })),
  })
  .openapi('AcceptedBatch');

const acceptedExamples = {
  single: { value: { id: exampleJobId, state: 'queued' } },
  batch: { value: { batch: exampleBatchId, jobs: [{ index: 0, id: exampleJobId, state: 'queued' }] } },
};

const answerHeaders = {
  Location: { description: 'Where to ask for the job, or for the jobs of the batch', schema: { type: 'string' } },
  'Preference-Applied': { description: '`wait`, when it was waited', schema: { type: 'string' } },
} as const;

const route = createRoute({
  method: 'post',
  operationId: 'submitJobs',
  path: '/jobs',
  summary: 'Have images read later',
  description: `One image or up to ${maxBatchImages}, by URL (JSON) or uploaded (form-data). From the 202 on each of them is kept
and reaches exactly one end, whatever dies. A batch is accepted whole or refused whole.`,
  request: {
    headers: z.object({
      'idempotency-key': z.string().max(maxIdempotencyKeyLength).optional().openapi({
        description: 'Makes repeating safe: the same key and the same request give the same job or batch',
        example: 'order-A-1042',
      }),
      prefer: z
        .string()
        .optional()
        .openapi({ description: '`wait=N`: answer when the work has ended, but after N seconds at most' }),
    }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: z.union([imageRequestSchema, batchRequestSchema]),
          examples: {
            single: { value: { image_url: 'https://example.com/gift-card.jpg', metadata: { order: 'A-1042' } } },
            'data: URL': { value: { image_url: tinyImage } },
            batch: {
              value: {
                images: [{ image_url: 'https://example.com/1.jpg' }, { image_url: 'https://example.com/2.jpg' }],
                priority: 200,
              },
            },
          },
        },
        'multipart/form-data': { schema: multipartBodySchema },
      },
    },
  },
  responses: {
    200: {
      description: 'With `Prefer: wait=N`: the job, or the jobs of the batch, all ended in time',
      headers: answerHeaders,
      content: {
        'application/json': {
          schema: z.union([jobSchema, acceptedBatchSchema]),
          examples: { single: { value: succeededJobExample }, batch: acceptedExamples.batch },
        },
      },
    },
    202: {
      description: 'Accepted, now or under the same key before',
      headers: answerHeaders,
      content: {
        'application/json': { schema: z.union([acceptedSchema, acceptedBatchSchema]), examples: acceptedExamples },
      },
    },
    ...problemResponses(errorCodes),
  },
});

export interface PostJobsRouteOptions extends AcceptDependencies {
  readonly store: JobStore;
  readonly blobs: BlobStore;
  readonly queue: JobQueue;
  readonly watch: JobWatch;
  readonly lifecycle: Pick<Lifecycle, 'draining'>;
  readonly maxImageBytes: number;
  readonly callbacks: CallbackPolicy;
}

/** Bodies of the largest size that are held at once. */
const largestBodiesAtOnce = 2;
/** Who wants to wait longer asks again: connections that say nothing for longer are cut by what lies between. */
const maxWaitMs = 300_000;

export function addPostJobsRoute(app: OpenAPIHono<AppEnv>, options: PostJobsRouteOptions): void {
  const { bulkAdmission, lifecycle, maxImageBytes, store, watch } = options;
  const budget = createBodyBudget({
    maxBytes: largestBodiesAtOnce * maxSubmissionBytes(maxImageBytes),
    freeBytes: smallBodyBytes,
  });
  const read = (request: Request, idempotencyKey: string | undefined): Promise<Submission> => {
    const reading: SubmissionOptions = {
      ...options,
      checkRoom: (ownKeys) =>
        askForNewOnes((count) => bulkAdmission.check(count), { keys: keysOf(ownKeys, idempotencyKey), store }),
      signal: request.signal,
    };
    switch (mediaTypeOf(request.headers)) {
      case 'application/json':
        return readJsonSubmission(request, { ...reading, budget });
      case 'multipart/form-data':
        return readMultipartSubmission(request, reading);
      default:
        throw new OcrError('invalid_request', 'The body must be JSON or form-data', {
          violations: [{ pointer: 'Content-Type', detail: 'Expected application/json or multipart/form-data' }],
        });
    }
  };
  app.openAPIRegistry.registerPath(route);
  app.post(route.path, async (c) => {
    const idempotencyKey = parseIdempotencyKey(c.req.header('idempotency-key'));
    const waitMs = Math.min(parsePrefer(c.req.header('prefer')).waitMs ?? 0, maxWaitMs);
    const submission = await read(c.req.raw, idempotencyKey);
    const waits = waitMs > 0;
    const acceptance = await acceptSubmission(
      {
        submission,
        idempotencyKey,
        requestId: c.get('requestId'),
        traceparent: c.get('span')?.traceparent,
        waits,
      },
      options,
    );
    const [first] = acceptance.jobs;
    if (submission.kind === 'batch') c.set('batch', { id: acceptance.batchId, jobs: acceptance.jobs.length });
    else if (first !== undefined) c.set('jobId', first.id);
    if (!waits) return answer(c, { submission, acceptance, ended: false });
    const ids = acceptance.jobs.map(({ id }) => id);
    const abandoned = joinSignals(c.req.raw.signal, lifecycle.draining);
    const ended = await watch.untilEnded(ids, { timeoutMs: waitMs, signal: abandoned.signal });
    abandoned.release();
    c.header('preference-applied', 'wait');
    return answer(c, { submission, acceptance: await upToDate(acceptance, options), ended });
  });

  const answer = async (c: AppContext, { submission, acceptance, ended }: Answer) => {
    const [first] = acceptance.jobs;
    if (submission.kind === 'single' && first !== undefined) {
      c.header('location', `/jobs/${first.id}`);
      // It is accepted, whatever becomes of the store now.
      const found = ended
        ? await findJob(first.id, { ...options, requestId: c.get('requestId') }).catch(() => undefined)
        : undefined;
      return found === undefined ? c.json({ id: first.id, state: first.state }, 202) : c.json(found.body);
    }
    const { batchId, jobs } = acceptance;
    if (batchId !== undefined) c.header('location', `/jobs?batch=${batchId}`);
    const body = { batch: batchId, jobs: jobs.map(({ id, state }, index) => ({ index, id, state })) };
    return c.json(body, ended ? 200 : 202);
  };
}

interface Answer {
  readonly submission: Submission;
  readonly acceptance: Acceptance;
  readonly ended: boolean;
}

/** The states as they are after the wait; as they were before it where the store does not tell. */
async function upToDate(acceptance: Acceptance, { store }: Pick<PostJobsRouteOptions, 'store'>): Promise<Acceptance> {
  const states = await store.states(acceptance.jobs.map(({ id }) => id)).catch(() => undefined);
  if (states === undefined) return acceptance;
  return { ...acceptance, jobs: acceptance.jobs.map((job) => ({ ...job, state: states.get(job.id) ?? job.state })) };
}
