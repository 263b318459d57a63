import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { ErrorCode } from '@glyphmill/core/errors';
import { toAnalysis } from '@glyphmill/core/analysis';
import { analysisExample, analysisSchema } from '../analysis-body.ts';
import { analyze, type AnalyzeDependencies } from '../analyze.ts';
import type { AppEnv } from '../app-env.ts';
import { createBodyBudget } from '../body-budget.ts';
import { parsePrefer } from '../prefer-header.ts';
import { problemResponses } from '../problem-docs.ts';
import { maxBodyBytes, smallBodyBytes } from '../read-json-body.ts';
import { analyzeBodySchema, receiveImage } from '../receive-image.ts';
import { tinyImage } from '../tiny-image.ts';

const errorCodes: readonly ErrorCode[] = [
  'unauthorized',
  'forbidden_origin',
  'canceled',
  'body_too_large',
  'image_too_large',
  'image_unsupported',
  'invalid_request',
  'url_not_allowed',
  'image_unreadable',
  'poison_image',
  'download_failed',
  'download_timeout',
  'queue_full',
  'internal',
  'queue_unavailable',
  'deadline_exceeded',
];

const acceptedSchema = z
  .object({ id: z.uuid(), state: z.enum(['queued', 'active', 'succeeded', 'failed', 'canceled']) })
  .openapi('Accepted');

const route = createRoute({
  method: 'post',
  operationId: 'analyze',
  path: '/analyze',
  summary: 'Read the text of one image',
  description: 'Waits for the answer. Nothing of the request is kept: neither the image nor its URL nor its text.',
  request: {
    headers: z.object({
      prefer: z.string().optional().openapi({
        description:
          '`respond-async`: past the deadline answer 202 and let the job go on. `wait=N`: wait N seconds at most',
      }),
    }),
    body: {
      required: true,
      content: {
        'application/json': {
          schema: analyzeBodySchema,
          examples: {
            URL: { value: { image_url: 'https://example.com/gift-card.jpg' } },
            'data: URL': { value: { image_url: tinyImage } },
          },
        },
      },
    },
  },
  responses: {
    200: {
      description: 'The text, line by line in reading order',
      content: {
        'application/json': {
          schema: analysisSchema,
          examples: {
            text: { value: analysisExample },
            'no text': { value: { message: 'No text detected', count: 0, data: [] } },
          },
        },
      },
    },
    202: {
      description: 'The deadline has passed, the job goes on (only with `Prefer: respond-async`)',
      headers: {
        Location: { description: 'Where to ask for the answer', schema: { type: 'string' } },
        'Preference-Applied': { description: '`respond-async`', schema: { type: 'string' } },
      },
      content: { 'application/json': { schema: acceptedSchema } },
    },
    ...problemResponses(errorCodes),
  },
});

export interface AnalyzeRouteOptions extends AnalyzeDependencies {
  readonly maxImageBytes: number;
}

/** Bodies of the largest size that are held at once. */
const largestBodiesAtOnce = 4;

export function addAnalyzeRoute(app: OpenAPIHono<AppEnv>, options: AnalyzeRouteOptions): void {
  const { maxImageBytes, queue } = options;
  const budget = createBodyBudget({
    maxBytes: largestBodiesAtOnce * maxBodyBytes(maxImageBytes),
    freeBytes: smallBodyBytes,
  });
  app.openAPIRegistry.registerPath(route);
  app.post(route.path, async (c) => {
    const image = await receiveImage(c.req.raw, { maxImageBytes, budget });
    try {
      const answer = await analyze(
        {
          image,
          preferences: parsePrefer(c.req.header('prefer')),
          requestId: c.get('requestId'),
          traceparent: c.get('span')?.traceparent,
          signal: c.req.raw.signal,
          onJob: (id) => {
            c.set('jobId', id);
          },
        },
        options,
      );
      if (answer.kind === 'done') return c.json(toAnalysis(answer.result));
      const state = await queue.state(answer.id).catch(() => 'unknown' as const);
      return c.json({ id: answer.id, state: state === 'unknown' ? 'queued' : state }, 202, {
        location: `/jobs/${answer.id}`,
        'preference-applied': 'respond-async',
      });
    } finally {
      image.release();
    }
  });
}
