import type { MiddlewareHandler } from 'hono';
import type { HttpEnv } from './http-env.ts';

export interface SecurityHeadersOptions {
  /** Of answers that set none themselves; by default one for answers that are no pages. */
  readonly contentSecurityPolicy?: string;
}

/** Answers hold what images say: no cache may keep them, and no browser may guess another type or frame them. */
export function securityHeaders({
  contentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'",
}: SecurityHeadersOptions = {}): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'no-referrer');
    headers.set('cross-origin-resource-policy', 'same-origin');
    headers.set('cross-origin-opener-policy', 'same-origin');
    headers.set('x-frame-options', 'DENY');
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', contentSecurityPolicy);
  };
}
