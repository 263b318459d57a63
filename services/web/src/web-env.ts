import type { HttpEnv } from '@glyphmill/http/http-env';
import type { Context } from 'hono';

/** Nothing but what travels with every request. */
export type WebEnv = HttpEnv;
export type WebContext = Context<WebEnv>;
