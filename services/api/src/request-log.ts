import type { MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Logger } from '@glyphmill/core/logging';
import type { ApiMetrics } from './api-metrics.ts';
import type { AppContext, AppEnv } from './app-env.ts';

/** HTTP's methods; any other word is somebody's own and would make a metric series each. */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

/** The pattern of the route that answered (`/jobs/:id`), never the path itself: it may hold anything. */
export function routeOf(c: AppContext): string {
  return matchedRoutes(c).findLast((route) => !route.path.endsWith('*'))?.path ?? 'none';
}

/** One line and one count a request: what was asked and what came of it, never a query, a body or an image's URL. */
export function requestLog({ logger, metrics }: { logger: Logger; metrics: ApiMetrics }): MiddlewareHandler<AppEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const ms = performance.now() - startedAt;
    const method = knownMethods.has(c.req.method) ? c.req.method : 'other';
    const route = routeOf(c);
    const { status } = c.res;
    metrics.requests.inc({ method, route, status });
    metrics.requestSeconds.observe({ method, route }, ms / 1000);
    const jobId = c.get('jobId');
    const line = { method, route, status, ms: Math.round(ms * 10) / 10, requestId: c.get('requestId'), jobId };
    // Probes come every few seconds and say nothing as long as they succeed.
    if (status < 400 && quietRoutes.has(route)) logger.debug(line, 'request');
    else logger.info(line, 'request');
  };
}

const quietRoutes: ReadonlySet<string> = new Set(['/', '/livez', '/readyz']);
