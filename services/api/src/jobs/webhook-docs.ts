import { type OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { jobSchema, succeededJobExample } from './job-body.ts';

const eventSchema = z
  .object({
    type: z.enum(['job.succeeded', 'job.failed', 'job.canceled']),
    timestamp: z.iso.datetime().openapi({ description: 'When the job ended' }),
    data: jobSchema,
  })
  .openapi('JobEnded');

const header = (description: string) => z.string().openapi({ description });

/** What is posted to a job's `callback_url`; upkeep/outbox.ts does it. */
export function documentWebhook(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerWebhook({
    method: 'post',
    path: 'jobEnded',
    operationId: 'jobEnded',
    summary: 'A job with a callback_url has ended',
    description:
      'Sent at least once, with retries for a day, and signed as Standard Webhooks describe (see docs/jobs.md).',
    security: [],
    request: {
      headers: z.object({
        'webhook-id': header('The same for every try'),
        'webhook-timestamp': header('Seconds since the epoch'),
        'webhook-signature': header('`v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`'),
      }),
      body: {
        required: true,
        content: {
          'application/json': {
            schema: eventSchema,
            example: {
              type: 'job.succeeded',
              timestamp: '2026-11-25T09:30:02.911Z',
              data: succeededJobExample,
            },
          },
        },
      },
    },
    responses: {
      '2XX': { description: 'Taken' },
      410: { description: 'Never to be sent again' },
      default: { description: 'Sent again later' },
    },
  });
}
