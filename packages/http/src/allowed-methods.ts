import type { Env, Hono } from 'hono';
import { TrieRouter } from 'hono/router/trie-router';

/** Tells by which methods a path of the app can be asked, in alphabetical order; empty where no route has it. */
export function methodsOf<E extends Env>(app: Hono<E>): (path: string) => string[] {
  let methods: TrieRouter<string> | undefined;
  return (path) => {
    // Not before the first request: routes are added after the handler that asks.
    methods ??= collectMethods(app);
    const allowed = new Set(methods.match('ALL', path)[0].map(([method]) => method));
    if (allowed.has('GET')) allowed.add('HEAD');
    return [...allowed].toSorted();
  };
}

function collectMethods<E extends Env>(app: Hono<E>): TrieRouter<string> {
  const router = new TrieRouter<string>();
  for (const { method, path } of app.routes) if (method !== 'ALL') router.add('ALL', path, method);
  return router;
}
