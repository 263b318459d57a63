import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import { inertPolicy } from '../content-policies.ts';
import type { WebEnv } from '../web-env.ts';

/** Style, script and icon: under addresses that change with their content. */
export function addAssetsRoute(app: Hono<WebEnv>, assets: Assets): void {
  for (const { url, type, body } of Object.values(assets)) {
    app.get(url, (c) =>
      c.body(body, 200, {
        'content-type': type,
        'cache-control': 'private, max-age=31536000, immutable',
        'content-security-policy': inertPolicy,
      }),
    );
  }
}
