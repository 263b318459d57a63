import type { HttpEnv } from '@glyphmill/http/http-env';
import type { Context } from 'hono';

/** What travels with a request through middleware and routes. */
export interface AppEnv extends HttpEnv {
  Variables: HttpEnv['Variables'] & {
    /** Set once the request has become a job; shown in the request log. */
    jobId?: string;
    /** Of a batch that was accepted, with the number of its images. */
    batch?: { readonly id: string | undefined; readonly jobs: number };
  };
}

export type AppContext = Context<AppEnv>;
