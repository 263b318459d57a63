import type { MiddlewareHandler } from 'hono';
import type { ApiMetrics } from '../api-metrics.ts';
import type { AppEnv } from '../app-env.ts';

/** Counts the requests for durable jobs that found no room. */
export function countRefusals({ admissionRefused }: Pick<ApiMetrics, 'admissionRefused'>): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    await next();
    if (c.req.method === 'POST' && c.get('errorCode') === 'queue_full') admissionRefused.inc({ lane: 'bulk' });
  };
}
