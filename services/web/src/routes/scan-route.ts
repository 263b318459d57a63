import { InboxError } from '@glyphmill/core/inbox';
import type { Logger } from '@glyphmill/core/logging';
import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import type { InboxView } from '../inbox-view.ts';
import { errorView } from '../views/error-view.ts';
import { layout } from '../views/layout.ts';
import type { WebEnv } from '../web-env.ts';

export interface ScanRouteOptions {
  readonly inbox: InboxView;
  readonly assets: Assets;
  readonly logger: Pick<Logger, 'warn'>;
}

/** Has the inbox looked through at once; the only thing that anybody can do here. */
export function addScanRoute(app: Hono<WebEnv>, { inbox, assets, logger }: ScanRouteOptions): void {
  app.post('/scan', async (c) => {
    try {
      await inbox.scan();
    } catch (error) {
      if (!(error instanceof InboxError)) throw error;
      logger.warn({ code: error.code, requestId: c.get('requestId') }, 'The inbox was not scanned');
      const title = 'The folder was not looked through';
      const detail = 'The folder watcher does not answer. It looks through the folder by itself once it runs again.';
      return c.html(layout({ assets, title, view: errorView({ title, detail, requestId: c.get('requestId') }) }), 503);
    }
    return c.redirect('/status', 303);
  });
}
