import type { MiddlewareHandler } from 'hono';
import { OcrError } from '@glyphmill/core/errors';
import type { HttpEnv } from '@glyphmill/http/http-env';

export interface RequestPurpose {
  /** Headers that browsers set and pages cannot change; programs and old browsers send none. */
  readonly secFetchSite: string | undefined;
  readonly secFetchMode: string | undefined;
  readonly secFetchDest: string | undefined;
}

/**
 * Whether a page, a picture or a download may be asked for from where it is asked. Another web page may link here, which
 * shows the page to who follows the link; it may not fetch, embed or frame anything.
 */
export function isAllowedRead({ secFetchSite, secFetchMode, secFetchDest }: RequestPurpose): boolean {
  if (secFetchSite === undefined || secFetchSite === 'same-origin' || secFetchSite === 'none') return true;
  return secFetchMode === 'navigate' && secFetchDest === 'document';
}

/** Refuses reads on behalf of other web pages with `forbidden_origin`. */
export function readCheck(): MiddlewareHandler<HttpEnv> {
  return async (c, next) => {
    const allowed = isAllowedRead({
      secFetchSite: c.req.header('sec-fetch-site'),
      secFetchMode: c.req.header('sec-fetch-mode'),
      secFetchDest: c.req.header('sec-fetch-dest'),
    });
    if (!allowed) throw new OcrError('forbidden_origin', 'Other web pages may link here and nothing else');
    await next();
  };
}
