import type { Hono } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';
import { OcrError } from '@glyphmill/core/errors';
import type { Logger } from '@glyphmill/core/logging';
import type { AppContext, AppEnv } from './app-env.ts';
import { challenge } from './basic-auth.ts';
import { problemResponse } from './problem.ts';

/** nginx's status for a caller that went away: only the log and the metrics see it. */
const clientGoneStatus = 499;

/** Turns whatever was thrown into the answer; what nobody expected is logged, as the caller is told nothing of it. */
export function createErrorHandler(logger: Logger): (thrown: Error, c: AppContext) => Response {
  return (thrown, c) => {
    if (c.req.raw.signal.aborted) return new Response(null, { status: clientGoneStatus });
    const error = OcrError.from(thrown);
    if (error.code === 'internal') {
      logger.error({ requestId: c.get('requestId'), jobId: c.get('jobId'), ...describe(thrown) }, 'Request failed');
    }
    return problemResponse({
      error,
      requestId: c.get('requestId'),
      headers: error.code === 'unauthorized' ? { 'www-authenticate': challenge } : {},
    });
  };
}

/** Not the error object itself: those of Redis carry the command's arguments, an image's URL among them. */
function describe(thrown: Error): Record<string, unknown> {
  const cause = thrown instanceof OcrError && thrown.cause instanceof Error ? thrown.cause : thrown;
  return { errorName: cause.name, reason: cause.message, stack: cause.stack };
}

/** Answers what no route took: `method_not_allowed` where another method would have done, else `not_found`. */
export function createNotFoundHandler(app: Hono<AppEnv>): (c: AppContext) => Response {
  let methods: TrieRouter<string> | undefined;
  return (c) => {
    methods ??= collectMethods(app);
    const allowed = new Set(methods.match('ALL', c.req.path)[0].map(([method]) => method));
    if (allowed.has('GET')) allowed.add('HEAD');
    const requestId = c.get('requestId');
    if (allowed.size === 0) {
      return problemResponse({ error: new OcrError('not_found', 'Nothing is at this path'), requestId });
    }
    const allow = [...allowed].toSorted().join(', ');
    const error = new OcrError('method_not_allowed', `This path takes ${allow}`);
    return problemResponse({ error, requestId, headers: { allow } });
  };
}

function collectMethods(app: Hono<AppEnv>): TrieRouter<string> {
  const router = new TrieRouter<string>();
  for (const { method, path } of app.routes) if (method !== 'ALL') router.add('ALL', path, method);
  return router;
}
