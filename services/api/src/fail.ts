import type { Hono } from 'hono';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import { methodsOf } from '@glyphmill/http/allowed-methods';
import type { AppContext, AppEnv } from './app-env.ts';
import { challenge } from '@glyphmill/http/basic-auth';
import { problemResponse } from '@glyphmill/http/problem';

/** nginx's status for a caller that went away: only the log and the metrics see it. */
const clientGoneStatus = 499;

/** Turns whatever was thrown into the answer; what nobody expected is logged, as the caller is told nothing of it. */
export function createErrorHandler(logger: Logger): (thrown: Error, c: AppContext) => Response {
  return (thrown, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: clientGoneStatus });
    const error = OcrError.from(thrown);
    c.set('errorCode', error.code);
    if (error.code === 'internal') {
      logger.error(
        { requestId: c.get('requestId'), jobId: c.get('jobId'), fault: placeOfFault(causeOf(thrown)) },
        'Request failed',
      );
    }
    return problemResponse({
      error,
      requestId: c.get('requestId'),
      headers: error.code === 'unauthorized' ? { 'www-authenticate': challenge } : {},
    });
  };
}

/** What an `internal` error was made of, if it was made of anything. */
function causeOf(thrown: Error): unknown {
  return thrown instanceof OcrError ? (thrown.cause ?? thrown) : thrown;
}

/** Answers what no route took: `method_not_allowed` where another method would have done, else `not_found`. */
export function createNotFoundHandler(app: Hono<AppEnv>): (c: AppContext) => Response {
  const methodsAt = methodsOf(app);
  return (c) => {
    const allowed = methodsAt(c.req.path);
    const requestId = c.get('requestId');
    const allow = allowed.join(', ');
    const error =
      allowed.length === 0
        ? new OcrError('not_found', 'Nothing is at this path')
        : new OcrError('method_not_allowed', `This path takes ${allow}`);
    c.set('errorCode', error.code);
    return problemResponse({ error, requestId, headers: allowed.length === 0 ? {} : { allow } });
  };
}
