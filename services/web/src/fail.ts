import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { methodsOf } from '@glyphmill/http/allowed-methods';
import { challenge } from '@glyphmill/http/basic-auth';
import { problemResponse, statusOf, toProblem } from '@glyphmill/http/problem';
import type { Hono } from 'hono';
import type { Assets } from './assets.ts';
import { errorView } from './views/error-view.ts';
import { layout } from './views/layout.ts';
import type { WebContext, WebEnv } from './web-env.ts';

/** nginx's status for a caller that went away: only the log and the metrics see it. */
const clientGoneStatus = 499;
/** A page that says that the database is away looks for it again so often. */
const refreshSeconds = 5;

export interface FailOptions {
  readonly assets: Assets;
  readonly logger: Logger;
}

/** Turns whatever was thrown into a page, or into a problem for who is no browser; tells nothing of what nobody expected. */
export function createErrorHandler({
  assets,
  logger,
}: FailOptions): (thrown: Error, c: WebContext) => Response | Promise<Response> {
  return (thrown, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: clientGoneStatus });
    const error = OcrError.from(thrown);
    if (error.code === 'internal') {
      const cause = thrown instanceof OcrError ? (thrown.cause ?? thrown) : thrown;
      logger.error({ requestId: c.get('requestId'), fault: placeOfFault(cause) }, 'Request failed');
    }
    const headers = error.code === 'unauthorized' ? { 'www-authenticate': challenge } : {};
    return answerError(c, { assets, error, headers });
  };
}

/** Answers what no route took: `method_not_allowed` where another method would have done, else `not_found`. */
export function createNotFoundHandler(
  app: Hono<WebEnv>,
  assets: Assets,
): (c: WebContext) => Response | Promise<Response> {
  const methodsAt = methodsOf(app);
  return (c) => {
    const methods = methodsAt(c.req.path);
    if (methods.length === 0) {
      return answerError(c, { assets, error: new OcrError('not_found', 'There is nothing at this address') });
    }
    const allow = methods.join(', ');
    const error = new OcrError('method_not_allowed', `This address takes ${allow}`);
    return answerError(c, { assets, error, headers: { allow } });
  };
}

interface ErrorAnswer {
  readonly assets: Assets;
  readonly error: OcrError;
  readonly headers?: Readonly<Record<string, string>>;
}

function answerError(c: WebContext, { assets, error, headers = {} }: ErrorAnswer): Response | Promise<Response> {
  const requestId = c.get('requestId');
  c.set('errorCode', error.code);
  const problem = problemResponse({ error, requestId, headers });
  if (!wantsPage(c)) return problem;
  const isAway = error.code === 'store_unavailable';
  const page = layout({
    assets,
    title: titleOf(error),
    refreshSeconds: isAway ? refreshSeconds : undefined,
    view: errorView({ title: titleOf(error), detail: detailOf(error), requestId }),
  });
  const retryAfter = problem.headers.get('retry-after');
  return c.html(page, statusOf[error.code], { ...headers, ...(retryAfter !== null && { 'retry-after': retryAfter }) });
}

function wantsPage(c: WebContext): boolean {
  return (c.req.header('accept') ?? '').includes('text/html');
}

function titleOf(error: OcrError): string {
  switch (error.code) {
    case 'store_unavailable':
      return 'The results are not there at the moment';
    case 'not_found':
    case 'job_not_found':
      return 'Nothing is here';
    case 'internal':
      return 'Something went wrong on our side';
    default:
      return toProblem(error, '').title;
  }
}

function detailOf(error: OcrError): string {
  switch (error.code) {
    case 'store_unavailable':
      return 'The database is away, or nothing has been read yet since the installation. This page tries again by itself.';
    case 'internal':
      return 'Try again. If it stays like this, tell whoever runs this machine the number below.';
    default:
      return error.message;
  }
}
