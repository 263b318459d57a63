import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { OcrError } from '@glyphmill/core/errors';
import type { AppEnv } from '../app-env.ts';

const pageFolder = fileURLToPath(new URL('../docs-page', import.meta.url));
const swaggerFolder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** Every file of the page. Nothing else of the folders is ever served, and nothing comes from elsewhere. */
const files: ReadonlyMap<string, { readonly path: string; readonly type: string }> = new Map([
  ['init.js', { path: join(pageFolder, 'init.js'), type: 'text/javascript; charset=utf-8' }],
  ['swagger-ui.css', { path: join(swaggerFolder, 'swagger-ui.css'), type: 'text/css; charset=utf-8' }],
  [
    'swagger-ui-bundle.js',
    { path: join(swaggerFolder, 'swagger-ui-bundle.js'), type: 'text/javascript; charset=utf-8' },
  ],
  ['favicon-32x32.png', { path: join(swaggerFolder, 'favicon-32x32.png'), type: 'image/png' }],
]);

/** Scripts and data from this server only; the page sets styles of single elements and shows images it holds itself. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The interactive page over /openapi.json; it works without internet. */
export function addDocsRoute(app: OpenAPIHono<AppEnv>): void {
  app.get('/docs', async (c) => {
    const page = await readFile(join(pageFolder, 'index.html'), 'utf8');
    return c.body(page, 200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
      'cache-control': 'no-cache',
    });
  });
  app.get('/docs/:file', async (c) => {
    const file = files.get(c.req.param('file'));
    if (file === undefined) throw new OcrError('not_found', 'Nothing is at this path');
    const bytes = await readFile(file.path);
    return c.body(bytes, 200, { 'content-type': file.type, 'cache-control': 'private, max-age=3600' });
  });
}
