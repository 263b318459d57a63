import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import { jobStates, type JobStore, type ListQuery } from '@glyphmill/core/store';
import type { AppContext, AppEnv } from '../app-env.ts';
import { exampleBatchId, jobSchema, queuedJobExample, toJobBody } from '../jobs/job-body.ts';
import { problemResponses } from '../problem-docs.ts';

const defaultLimit = 50;
const maxLimit = 1000;

const stateSchema = z.enum(jobStates);
/** What the parameters are once repeated states are joined. */
const querySchema = z.object({
  state: z.array(stateSchema).optional(),
  batch: z.uuid().optional(),
  cursor: z.string().max(500).optional(),
  limit: z
    .string()
    .regex(/^\d{1,9}$/, `Expected a whole number from 1 to ${maxLimit}`)
    .transform(Number)
    .pipe(z.int().min(1).max(maxLimit))
    .optional(),
});

const listSchema = z
  .object({
    jobs: z.array(jobSchema),
    next_cursor: z.string().optional().openapi({ description: 'For the next page; absent on the last one' }),
  })
  .openapi('JobList');

const route = createRoute({
  method: 'get',
  operationId: 'listJobs',
  path: '/jobs',
  summary: 'Jobs, newest first',
  description: `Without results. \`state=failed\` is the dead-letter view. Pages are stable: jobs that come meanwhile are on none of
the later ones. Jobs of \`POST /analyze\` are in no list.`,
  request: {
    query: z.object({
      state: z
        .array(stateSchema)
        .optional()
        .openapi({ description: 'May be repeated, or hold several with commas between' }),
      batch: z.uuid().optional().openapi({ example: exampleBatchId }),
      cursor: z.string().max(500).optional().openapi({ description: '`next_cursor` of the page before' }),
      limit: z
        .int()
        .min(1)
        .max(maxLimit)
        .optional()
        .openapi({ description: `${defaultLimit} unless said` }),
    }),
  },
  responses: {
    200: {
      description: 'One page',
      headers: { Link: { description: '`rel="next"`, unless it is the last page', schema: { type: 'string' } } },
      content: {
        'application/json': {
          schema: listSchema,
          example: { jobs: [{ ...queuedJobExample, position: undefined }], next_cursor: 'lkz' },
        },
      },
    },
    ...problemResponses(['unauthorized', 'forbidden_origin', 'invalid_request', 'internal', 'store_unavailable']),
  },
});

export function addListJobsRoute(app: OpenAPIHono<AppEnv>, { store }: { readonly store: JobStore }): void {
  app.openAPIRegistry.registerPath(route);
  app.get(route.path, async (c) => {
    const query = parseQuery(c);
    const { jobs, nextCursor } = await store.list(query);
    if (nextCursor !== undefined) c.header('link', `<${nextPage(c, nextCursor)}>; rel="next"`);
    const requestId = c.get('requestId');
    return c.json({ jobs: jobs.map((job) => toJobBody(job, { requestId })), next_cursor: nextCursor });
  });
}

function parseQuery(c: AppContext): ListQuery {
  const states = c.req.queries('state')?.flatMap((value) => value.split(','));
  const parsed = querySchema.safeParse({
    state: states,
    batch: c.req.query('batch')?.toLowerCase(),
    cursor: c.req.query('cursor'),
    limit: c.req.query('limit'),
  });
  if (!parsed.success) {
    throw new OcrError('invalid_request', 'The query is not what this endpoint takes', {
      violations: parsed.error.issues.map(({ path, message }) => ({ pointer: String(path[0]), detail: message })),
    });
  }
  const { state, batch, cursor, limit = defaultLimit } = parsed.data;
  return {
    limit,
    ...(state && { states: [...new Set(state)] }),
    ...(batch !== undefined && { batchId: batch }),
    ...(cursor !== undefined && { cursor }),
  };
}

/** Relative to the service's root, like every address that it gives. */
function nextPage(c: AppContext, cursor: string): string {
  const query = new URL(c.req.url).searchParams;
  query.set('cursor', cursor);
  return `/jobs?${query.toString()}`;
}
