import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

/** Git ignores it; CI keeps it. */
const artifacts = fileURLToPath(new URL('../artifacts/', import.meta.url));
const axeFile = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

/** `npm run e2e:browser` says where it is; whoever runs one file has it in the usual place. */
const program =
  process.env['CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path));

/** Without a sandbox of its own, which containers do not allow it, and without a word to anybody outside. */
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-dev-shm-usage',
  // Two names that are not this machine's own, for other people's pages.
  '--host-resolver-rules=MAP evil.example 127.0.0.1,MAP rebound.example 127.0.0.1',
];

export async function launchBrowser(): Promise<Browser> {
  if (program === undefined) throw new Error('There is no Chromium: CHROMIUM=/path says where');
  return chromium.launch({ executablePath: program, args: flags });
}

/** What a browser tab did that a page full of hostile text must never make it do. */
export interface Misdeeds {
  readonly dialogs: string[];
  /** Requests to anywhere else than the page's own server. */
  readonly strangers: string[];
  readonly errors: string[];
}

export interface WatchedPage {
  readonly page: Page;
  readonly misdeeds: Misdeeds;
  readonly context: BrowserContext;
}

/** A tab of its own, without anybody's cookies, whose deeds are noted. */
export async function openTab(
  browser: Browser,
  { origin, ...options }: BrowserContextOptions & { readonly origin: string },
): Promise<WatchedPage> {
  const context = await browser.newContext({ baseURL: origin, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const misdeeds: Misdeeds = { dialogs: [], strangers: [], errors: [] };
  page.on('dialog', (dialog) => {
    misdeeds.dialogs.push(dialog.message());
    dialog.dismiss().catch(() => undefined);
  });
  page.on('pageerror', (error) => misdeeds.errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') misdeeds.errors.push(message.text());
  });
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) misdeeds.strangers.push(request.url());
  });
  return { page, misdeeds, context };
}

export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(artifacts, { recursive: true });
  await page.screenshot({ path: join(artifacts, `${name}.png`), fullPage: true });
}

/** By how many pixels the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

interface Violation {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe finds that keeps people out, one line each. The tab's context must bypass the page's own policy. */
export async function findBarriers(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: axeFile });
  const violations = await page.evaluate<Violation[]>('axe.run().then(({ violations }) => violations)');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 200)} ${failureSummary}`),
    );
}
