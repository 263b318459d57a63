import type { OpenAPIHono } from '@hono/zod-openapi';
import type { AppEnv } from '../app-env.ts';
import { openApiDocument, registerBasicScheme } from '../openapi-document.ts';

/** Added last, so that the document knows every other route. */
export function addOpenApiRoute(app: OpenAPIHono<AppEnv>, options: { authRequired: boolean }): void {
  if (options.authRequired) registerBasicScheme(app);
  let document: string | undefined;
  app.get('/openapi.json', (c) => {
    document ??= JSON.stringify(openApiDocument(app, options));
    return c.body(document, 200, { 'content-type': 'application/json', 'cache-control': 'no-cache' });
  });
}
