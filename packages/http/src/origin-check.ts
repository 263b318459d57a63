import type { MiddlewareHandler } from 'hono';
import { OcrError } from '@glyphmill/core/errors';
import type { HttpEnv } from './http-env.ts';

/** Methods that change nothing here, so that a foreign page gains nothing by them: it cannot read the answer. */
const harmlessMethods: ReadonlySet<string> = new Set(['GET', 'HEAD']);

export interface RequestOrigin {
  readonly method: string;
  readonly host: string;
  readonly origin: string | undefined;
  readonly secFetchSite: string | undefined;
}

/**
 * Whether a request may come from where it comes from. Browsers set `Sec-Fetch-Site` and pages cannot change it, so it
 * has the last word; `same-site` is refused too, as every port of localhost is one site. Older browsers send `Origin`,
 * which must be this very host (the scheme may differ: TLS can end at a proxy). Programs send neither.
 */
export function isAllowedOrigin({ method, host, origin, secFetchSite }: RequestOrigin): boolean {
  if (harmlessMethods.has(method)) return true;
  if (secFetchSite !== undefined) return secFetchSite === 'same-origin' || secFetchSite === 'none';
  if (origin === undefined) return true;
  if (!URL.canParse(origin)) return false;
  const from = new URL(origin);
  if (from.protocol !== 'http:' && from.protocol !== 'https:') return false;
  const target = `${from.protocol}//${host}`;
  return URL.canParse(target) && new URL(target).host === from.host;
}

/** Refuses what a foreign web page makes a browser send, with `forbidden_origin`. Nothing here ever answers with CORS. */
export function originCheck(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const allowed = isAllowedOrigin({
      method: c.req.method,
      host: c.req.header('host') ?? new URL(c.req.url).host,
      origin: c.req.header('origin'),
      secFetchSite: c.req.header('sec-fetch-site'),
    });
    if (!allowed) throw new OcrError('forbidden_origin', 'Requests from other web pages are not allowed');
    await next();
  };
}
