import { randomUUIDv7 } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import type { HttpEnv } from './http-env.ts';

/** Ids end up in logs and headers, so a caller's own is only taken over when it is harmless there. */
const sane = /^[A-Za-z0-9._-]{1,64}$/;

export function chooseRequestId(given: string | undefined): string {
  return given !== undefined && sane.test(given) ? given : randomUUIDv7();
}

export function requestId(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const id = chooseRequestId(c.req.header('x-request-id'));
    c.set('requestId', id);
    await next();
    c.res.headers.set('x-request-id', id);
  };
}
