import type { HttpBindings } from '@hono/node-server';
import type { Context } from 'hono';

/** What travels with a request through middleware and routes. Without a socket (tests) there are no bindings. */
export interface AppEnv {
  Variables: {
    requestId: string;
    /** Set once the request has become a job; shown in the request log. */
    jobId?: string;
  };
  Bindings: Partial<HttpBindings>;
}

export type AppContext = Context<AppEnv>;
