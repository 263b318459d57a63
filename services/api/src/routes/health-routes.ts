import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { type Lifecycle, readiness } from '@glyphmill/http/lifecycle';
import { problemResponses } from '../problem-docs.ts';
import { type CheckedParts, deepChecks } from '../deep-checks.ts';

const forbidden = problemResponses(['forbidden_origin']);

const readySchema = z
  .object({
    ready: z.boolean(),
    reasons: z.array(z.string()),
    checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })).optional(),
  })
  .openapi('Readiness');

const serviceSchema = z.object({ status: z.literal('ok'), message: z.literal('OCR Service is Ready') });

const rootRoute = createRoute({
  method: 'get',
  operationId: 'getRoot',
  path: '/',
  summary: 'The service is there',
  security: [],
  responses: {
    200: { description: 'Whatever Redis does', content: { 'application/json': { schema: serviceSchema } } },
    ...forbidden,
  },
});

const liveRoute = createRoute({
  method: 'get',
  operationId: 'getLiveness',
  path: '/livez',
  summary: 'The process runs',
  security: [],
  responses: {
    200: {
      description: 'Always',
      content: { 'application/json': { schema: z.object({ status: z.literal('ok') }) } },
    },
    ...forbidden,
  },
});

const readyRoute = createRoute({
  method: 'get',
  operationId: 'getReadiness',
  path: '/readyz',
  summary: 'The service takes requests',
  description:
    'Started and not draining. With `deep=1` also whether Redis, a worker, the database and the place of uploads do their part.',
  security: [],
  request: { query: z.object({ deep: z.string().optional().openapi({ example: '1' }) }) },
  responses: {
    200: { description: 'Ready', content: { 'application/json': { schema: readySchema } } },
    503: { description: 'Not ready, and why', content: { 'application/json': { schema: readySchema } } },
    ...forbidden,
  },
});

export interface HealthRoutesOptions extends CheckedParts {
  readonly lifecycle: Lifecycle;
}

/** What probes and load balancers ask. The ops port answers the same; here it is for those who know only this port. */
export function addHealthRoutes(app: OpenAPIHono<AppEnv>, options: HealthRoutesOptions): void {
  const { lifecycle } = options;
  for (const route of [rootRoute, liveRoute, readyRoute]) app.openAPIRegistry.registerPath(route);
  app.get('/', (c) => c.json({ status: 'ok', message: 'OCR Service is Ready' }));
  app.get('/livez', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    const shallow = readiness(lifecycle);
    if (c.req.query('deep') !== '1') return c.json(shallow, shallow.ready ? 200 : 503);
    const checks = await deepChecks(options);
    const ready = shallow.ready && Object.values(checks).every((check) => check.ok);
    return c.json({ ready, reasons: shallow.reasons, checks }, ready ? 200 : 503);
  });
}
