import { readFileSync } from 'node:fs';
import { type OpenAPIHono, z } from '@hono/zod-openapi';
import type { AppEnv } from './app-env.ts';

const manifest: unknown = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const { version } = z.object({ version: z.string() }).parse(manifest);

const description = `Turns images into text: what the pixels say, with a confidence and a box for each line.

Errors are problems (RFC 9457, \`application/problem+json\`) with a stable \`code\`. Every answer has an
\`X-Request-Id\`; a caller may choose it.`;

/** The OpenAPI 3.1 document of all routes that have been registered on `app`. */
export function openApiDocument(app: OpenAPIHono<AppEnv>, { authRequired }: { authRequired: boolean }) {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: { title: 'Glyphmill', version, description, license: { name: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    ...(authRequired && { security: [{ basic: [] }] }),
  });
}

/** Routes are closed unless they say `security: []`. */
export function registerBasicScheme(app: OpenAPIHono<AppEnv>): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'basic', { type: 'http', scheme: 'basic' });
}
