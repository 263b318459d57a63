import type { HttpBindings } from '@hono/node-server';
import type { ErrorCode } from '@glyphmill/core/errors';
import type { Span } from '@glyphmill/core/tracing';
import type { Context } from 'hono';

/** What travels with every request through the middleware of this package. Without a socket (tests) there are no bindings. */
export interface HttpEnv {
  Variables: {
    requestId: string;
    /** Of the problem that answers the request, if one does. */
    errorCode?: ErrorCode;
    /** Of requests that are traced (request-trace.ts). */
    span?: Span;
  };
  Bindings: Partial<HttpBindings>;
}

export type HttpContext = Context<HttpEnv>;
