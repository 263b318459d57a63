import type { InboxStatus } from '@glyphmill/core/inbox';
import { Registry } from '@glyphmill/core/metrics';
import { createLifecycle } from '@glyphmill/http/lifecycle';
import { createPendingWork } from '@glyphmill/http/pending-work';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { type AppOptions, createApp } from '../src/app.ts';
import { loadAssets } from '../src/assets.ts';
import { createWebMetrics } from '../src/web-metrics.ts';
import { createFakeReader, type FakeContent } from './fake-reader.ts';

export const someInbox: InboxStatus = {
  state: 'running',
  inbox: '/srv/pictures',
  readable: true,
  watching: 'events',
  after: 'keep',
  scanning: false,
  lastScanAt: Date.UTC(2026, 10, 26, 20, 55),
  lastScanMs: 12,
  filesSeen: 40,
  filesIgnored: 2,
  waiting: 1,
  failed: 0,
};

const assets = loadAssets();

/** The app over fakes, as a browser asks it. */
export function createTestApp(content: FakeContent = {}, overrides: Partial<AppOptions> = {}) {
  const { reader, asked } = createFakeReader(content);
  const { logger, lines } = createLogRecorder();
  const lifecycle = createLifecycle();
  const pending = createPendingWork();
  const app = createApp({
    reader,
    blobs: { read: () => Promise.resolve(undefined) },
    watch: { listen: () => ({ close: () => undefined }), close: () => undefined },
    inbox: { status: () => Promise.resolve(undefined), scan: () => Promise.reject(new Error('no inbox')) },
    dataFolder: '/',
    assets,
    metrics: createWebMetrics(new Registry()),
    logger,
    lifecycle,
    pending,
    hosts: 'any',
    ...overrides,
  });
  const request = async (path: string, init: RequestInit = {}): Promise<Response> =>
    app.request(path, { ...init, headers: { accept: 'text/html', ...(init.headers as Record<string, string>) } });
  const page = async (path: string): Promise<string> => {
    const response = await request(path);
    if (response.status !== 200) throw new Error(`${path} answered ${response.status}`);
    return response.text();
  };
  return { app, request, page, asked, lines, lifecycle, pending };
}
