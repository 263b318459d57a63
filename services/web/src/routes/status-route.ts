import type { QueueView } from '@glyphmill/core/queue-view';
import type { ResultReader } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import { readDiskSpace } from '../disk-space.ts';
import type { InboxView } from '../inbox-view.ts';
import { readQueueStatus } from '../queue-status.ts';
import { sendPage } from '../send-page.ts';
import { statusView } from '../views/status-view.ts';
import type { WebEnv } from '../web-env.ts';

export interface StatusRouteOptions {
  readonly reader: Pick<ResultReader, 'status'>;
  /** Absent where no Redis is set. */
  readonly queue?: QueueView | undefined;
  readonly inbox: InboxView;
  readonly dataFolder: string;
  readonly assets: Assets;
}

export function addStatusRoute(app: Hono<WebEnv>, options: StatusRouteOptions): void {
  const { reader, queue, inbox, dataFolder, assets } = options;
  app.get('/status', async (c) => {
    const [store, queueStatus, inboxStatus, disk] = await Promise.all([
      reader.status(),
      queue === undefined ? ('not connected' as const) : readQueueStatus(queue),
      inbox.status(),
      readDiskSpace(dataFolder),
    ]);
    const view = statusView({ store, queue: queueStatus, inbox: inboxStatus, disk });
    return sendPage(c, { assets, title: 'Status', page: 'status', view });
  });
}
