import type { Context, Env, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import type { Logger } from '@glyphmill/core/logging';
import type { HttpEnv } from './http-env.ts';
import type { HttpMetrics } from './http-metrics.ts';

/** HTTP's methods; any other word is somebody's own and would make a metric series each. */
const knownMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** What a request's method is counted as. */
export const methodLabels: readonly string[] = [...knownMethods, 'other'];

export function knownMethod(method: string): string | undefined {
  return knownMethods.has(method) ? method : undefined;
}

export interface RequestLogOptions<E extends HttpEnv> {
  readonly logger: Logger;
  readonly metrics: HttpMetrics;
  /** Routes that are asked every few seconds and say nothing as long as they succeed. */
  readonly quietRoutes: ReadonlySet<string>;
  /** What the service has to say of a request. */
  readonly moreFields?: (c: Context<E>) => Readonly<Record<string, unknown>>;
}

/** One line and one count a request: what was asked and what came of it, never a query, a body or an image's URL. */
export function requestLog<E extends HttpEnv>(options: RequestLogOptions<E>): MiddlewareHandler<E> {
  const { logger, metrics, quietRoutes, moreFields } = options;
  return async (c, next) => {
    const startedAt = performance.now();
    await next();
    const ms = performance.now() - startedAt;
    const method = knownMethod(c.req.method) ?? 'other';
    const route = routeOf(c);
    const { status } = c.res;
    metrics.requests.inc({ method, route, status, code: c.get('errorCode') ?? '' });
    metrics.requestSeconds.observe({ method, route }, ms / 1000);
    const line = {
      method,
      route,
      status,
      ms: Math.round(ms * 10) / 10,
      requestId: c.get('requestId'),
      trace_id: c.get('span')?.traceId,
      ...moreFields?.(c),
    };
    if (status < 400 && quietRoutes.has(route)) logger.debug(line, 'request');
    else logger.info(line, 'request');
  };
}

/** Of requests that no route takes. */
export const noRoute = 'none';

/** What a parameter of a route must look like, which says nothing to who reads `/results/:id`. */
const constraint = /(?<=:\w+)\{(?:[^{}]|\{[^{}]*\})*\}/g;

/** The pattern of the route that answered (`/jobs/:id`), never the path itself: it may hold anything. */
export function routeOf<E extends Env>(c: Context<E>): string {
  const path = matchedRoutes(c).findLast((route) => !route.path.endsWith('*'))?.path ?? noRoute;
  return path.replaceAll(constraint, '');
}
