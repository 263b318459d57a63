import type { ResultReader } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import type { InboxView } from '../inbox-view.ts';
import { rowsPerPage } from '../listing.ts';
import { sendPage } from '../send-page.ts';
import { failuresView } from '../views/failures-view.ts';
import type { WebEnv } from '../web-env.ts';

export interface FailuresRouteOptions {
  readonly reader: Pick<ResultReader, 'failures'>;
  readonly inbox: InboxView;
  readonly assets: Assets;
}

export function addFailuresRoute(app: Hono<WebEnv>, { reader, inbox, assets }: FailuresRouteOptions): void {
  app.get('/failures', async (c) => {
    const cursor = c.req.query('cursor');
    const [page, status] = await Promise.all([
      reader.failures({ limit: rowsPerPage, ...(cursor !== undefined && { cursor }) }),
      inbox.status(),
    ]);
    const view = failuresView({ page, cursor, inbox: status });
    return sendPage(c, { assets, title: 'Failures', page: 'failures', view });
  });
}
