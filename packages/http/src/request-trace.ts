import type { Context, MiddlewareHandler } from 'hono';
import { OcrError } from '@glyphmill/core/errors';
import type { Attributes, Span, Tracer } from '@glyphmill/core/tracing';
import type { HttpEnv } from './http-env.ts';
import { knownMethod, noRoute, routeOf } from './request-log.ts';

export interface RequestTraceOptions<E extends HttpEnv> {
  readonly tracer: Tracer;
  /** Routes that are asked every few seconds; they make no spans. */
  readonly quietRoutes: ReadonlySet<string>;
  /** What the service has to say of a request that was answered. */
  readonly moreAttributes?: (c: Context<E>) => Attributes;
}

/**
 * A span for each request, part of the caller's trace where its `traceparent` names one; from then on it is `span` in the
 * context. Says the pattern of the route and what came of it, never a path, a query, a header or a host.
 */
export function requestTrace<E extends HttpEnv>(options: RequestTraceOptions<E>): MiddlewareHandler<E> {
  const { tracer, quietRoutes, moreAttributes } = options;
  return async (c, next) => {
    const route = routeOf(c);
    if (quietRoutes.has(route)) return next();
    const method = knownMethod(c.req.method);
    const isRouted = route !== noRoute;
    const span = tracer.start([method ?? 'HTTP', ...(isRouted ? [route] : [])].join(' '), {
      kind: 'server',
      parent: c.req.header('traceparent'),
      attributes: {
        'http.request.method': method ?? '_OTHER',
        ...(isRouted && { 'http.route': route }),
        'glyphmill.request.id': c.get('requestId'),
      },
    });
    c.set('span', span);
    await next();
    span.set({ 'http.response.status_code': c.res.status, ...moreAttributes?.(c) });
    tellError(span, c.error, c.res.status);
    span.end();
  };
}

/** A span has failed when we have: what callers did wrong is told beside it. */
function tellError(span: Span, error: Error | undefined, status: number): void {
  if (error === undefined) return;
  const { code } = OcrError.from(error);
  span.set({ 'glyphmill.outcome': code });
  if (status >= 500) span.fail(code);
}
