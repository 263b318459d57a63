import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBarriers, launchBrowser, openTab, overflowOf, takePicture } from './src/browser.ts';
import { eventually } from './src/eventually.ts';
import { serveForeignSite } from './src/foreign-site.ts';
import { drawnTexts, drawTexts, hostileTexts } from './src/hostile-texts.ts';
import { sendRequest } from './src/http-client.ts';
import { type OneMachine, startOneMachine } from './src/one-machine.ts';
import { StoredJobs } from './src/stored-jobs.ts';
import { giftCardLines } from './src/test-images.ts';

/** Files are taken by their events alone: what a look through the whole folder finds, somebody has asked for. */
const never = 24 * 3_600_000;
const hostileName = `"><img src=x onerror=alert(4)>.png`;
const readTexts = Array.from({ length: 40 }, (_, index) => `Line ${index + 1} of the receipt`);

let machine: OneMachine;
let jobs: StoredJobs;
let browser: Browser;
let origin: string;
/** A result whose lines are sure and doubtful. */
let receipt: string;
let giftCard: string;

const sample = (name: string) => readFile(new URL(`../packages/ocr/samples/${name}`, import.meta.url));

describe('the page in a browser', () => {
  beforeAll(async () => {
    [machine, browser] = await Promise.all([
      startOneMachine({ INGEST_RESCAN_MS: String(never), INGEST_SETTLE_MS: '200' }),
      launchBrowser(),
    ]);
    origin = `http://localhost:${machine.webPort}`;
    jobs = new StoredJobs(machine.dataDir);
  });
  afterAll(async () => {
    await browser?.close();
    await jobs?.close();
    await machine?.stop();
  });

  /** A tab in which nothing bad may have happened by the end. */
  async function inTab(
    { path, ...options }: BrowserContextOptions & { readonly path: string },
    use: (page: Page) => Promise<void>,
  ): Promise<void> {
    const { page, misdeeds, context } = await openTab(browser, { origin, ...options });
    try {
      await page.goto(path);
      await use(page);
      expect(misdeeds).toEqual({ dialogs: [], strangers: [], errors: [] });
    } finally {
      await context.close();
    }
  }

  const rowOf = (page: Page, name: string) => page.locator('#results [data-key]', { hasText: name });

  /** Every row of the list, as far as it is on the page. */
  const idOf = async (page: Page, name: string): Promise<string> =>
    (await rowOf(page, name).first().getAttribute('data-key')) ?? '';

  test('shows by itself what is put into the folder, with its picture', async () => {
    await inTab({ path: '/' }, async (page) => {
      expect(await page.locator('#results').innerText()).toContain(`${machine.dataDir}/inbox`);
      await machine.drop('gift card.png', await sample('gift-card.png'));
      const row = rowOf(page, 'gift card.png');
      await row.and(page.locator('[data-state=succeeded]')).waitFor({ timeout: 60_000 });
      const seenAt = Date.now();
      expect(await row.innerText()).toContain(giftCardLines[1]);
      const picture = row.locator('img');
      await eventually(
        () => picture.evaluate((image: Picture) => image.complete && image.naturalWidth === 320).catch(() => false),
        { timeoutMs: 20_000, what: 'the thumbnail' },
      );
      giftCard = await idOf(page, 'gift card.png');
      const { json } = await sendRequest({ port: machine.apiPort, path: `/jobs/${giftCard}` });
      const { finished_at: finishedAt } = json as { finished_at: string };
      // Promised within 3 s; a machine that is busy with other tests gets a moment more.
      expect(seenAt - Date.parse(finishedAt)).toBeLessThan(6_000);
    });
    receipt = await jobs.succeed({ name: 'shop/receipt.png', texts: readTexts });
  });

  test('finds text while it is typed, marks it, and keeps the address in step', async () => {
    await inTab({ path: '/' }, async (page) => {
      await page.keyboard.press('/');
      await page.keyboard.type('stea', { delay: 30 });
      await page.locator('mark', { hasText: /^STEA/ }).first().waitFor();
      await page.keyboard.type('m xyzzy', { delay: 30 });
      await page.locator('#found', { hasText: /^0 pictures/ }).waitFor();
      expect(new URL(page.url()).searchParams.get('q')).toBe('steam xyzzy');
      await page.fill('#q', '');
      await rowOf(page, 'receipt.png').waitFor();
      expect(page.url()).toBe(`${origin}/`);
    });
  });

  test('finds it without JavaScript too, and shows every page', async () => {
    await inTab({ path: '/', javaScriptEnabled: false }, async (page) => {
      await page.fill('#q', 'receipt 40');
      await page.press('#q', 'Enter');
      expect(await page.locator('mark').allInnerTexts()).toEqual(['40', 'receipt']);
      expect(await page.locator('#found').innerText()).toMatch(/^1 picture /);
      await page.click('.hits a');
      expect(page.url()).toMatch(/\/results\/[\w-]+(\?from=\d+)?#line-40$/);
      await page.click('text=Below 75%');
      const lines = await page.locator('[data-line]').all();
      const levels = await Promise.all(lines.map((line) => line.getAttribute('data-level')));
      expect([...new Set(levels)]).toEqual(['low']);
      for (const path of ['/failures', '/status']) {
        await page.goto(path);
        await page.locator('h1').waitFor();
      }
    });
  });

  test('lies boxes over what they are the boxes of, also of a picture that was taken on its side', async () => {
    await machine.drop('turned.jpg', await sample('exif-6.jpg'));
    await inTab({ path: '/' }, async (page) => {
      await rowOf(page, 'turned.jpg').and(page.locator('[data-state=succeeded]')).waitFor({ timeout: 60_000 });
      for (const id of [giftCard, await idOf(page, 'turned.jpg')]) {
        await page.goto(`/results/${id}`);
        const analysis = (await sendRequest({ port: machine.webPort, path: `/results/${id}.json` })).json as Analysis;
        expect(await page.locator('[data-box]').count()).toBe(analysis.count);
        expect(await page.locator('[data-line] .words').allInnerTexts()).toEqual(analysis.data.map(({ text }) => text));
        const image = page.locator('.frame img');
        await eventually(() => image.evaluate((preview: Picture) => preview.complete && preview.naturalWidth > 0), {
          timeoutMs: 20_000,
          what: 'the preview',
        });
        const frame = (await image.boundingBox())!;
        // What the boxes are measured in.
        const [width, height] = [Number(await image.getAttribute('width')), Number(await image.getAttribute('height'))];
        const shape = await image.evaluate((preview: Picture) => preview.naturalWidth / preview.naturalHeight);
        expect(shape).toBeCloseTo(width / height, 2);
        for (const [index, { box }] of analysis.data.entries()) {
          const drawn = (await page.locator(`#box-${index + 1} polygon`).boundingBox())!;
          const xs = box.map(([x]) => frame.x + (x / width) * frame.width);
          const ys = box.map(([, y]) => frame.y + (y / height) * frame.height);
          const expected = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
          const actual = [drawn.x, drawn.y, drawn.x + drawn.width, drawn.y + drawn.height];
          for (const [side, value] of actual.entries()) expect(Math.abs(value - expected[side]!)).toBeLessThan(5);
        }
      }
    });
  });

  test('ties boxes and lines together, by mouse and by keyboard', async () => {
    await inTab({ path: `/results/${giftCard}` }, async (page) => {
      const isLit = (id: string) => page.locator(`#${id}.on`).waitFor({ timeout: 5_000 });
      await page.hover('#line-2 .words');
      await isLit('box-2');
      await page.hover('#box-1 polygon', { force: true });
      await isLit('line-1');
      await page.focus('#line-1 a');
      await page.keyboard.press('ArrowDown');
      await isLit('box-2');
      await page.keyboard.press('Enter');
      expect(await page.evaluate<string>('document.activeElement.id')).toBe('box-2');
      await page.keyboard.press('ArrowUp');
      await isLit('line-1');
      await page.keyboard.press('Enter');
      expect(await page.evaluate<string>("document.activeElement.closest('[data-line]').id")).toBe('line-1');
    });
  });

  test('gives the text away: to the clipboard and as files', async () => {
    const text = giftCardLines.map((line) => `${line}\n`).join('');
    await inTab({ path: `/results/${giftCard}`, permissions: ['clipboard-read', 'clipboard-write'] }, async (page) => {
      await page.click('[data-copy]');
      await page.locator('[data-copy]', { hasText: 'Copied' }).waitFor();
      expect(await page.evaluate<string>('navigator.clipboard.readText()')).toBe(text);
      const save = async (format: string): Promise<{ name: string; content: string }> => {
        const [download] = await Promise.all([page.waitForEvent('download'), page.click(`a[href$=".${format}"]`)]);
        return { name: download.suggestedFilename(), content: await readFile(await download.path(), 'utf8') };
      };
      expect(await save('txt')).toEqual({ name: 'gift_card.png.txt', content: text });
      const csv = await save('csv');
      expect(csv.content.split('\r\n').slice(0, 2).join('\n')).toMatch(/^\uFEFFline,text,confidence.*\n1,STEAM,/);
      expect(JSON.parse((await save('json')).content)).toMatchObject({ count: 2, data: [{ text: 'STEAM' }, {}] });
    });
  });

  test('says what could not be read, and what to do', async () => {
    const picture = await sample('gift-card.png');
    // With its end: without one it would be given minutes to come.
    await machine.drop('torn.png', Buffer.concat([picture.subarray(0, 2_000), picture.subarray(-12)]));
    await inTab({ path: '/failures' }, async (page) => {
      const row = page.locator('#failures [data-code=image_unreadable]', { hasText: 'torn.png' });
      await row.waitFor({ timeout: 60_000 });
      expect(await row.innerText()).toMatch(/damaged or cut off[^]*What to do:/);
      // The same name with a good picture: there is nothing left to do.
      await machine.drop('torn.png', await sample('exif-6.jpg'));
      await row.waitFor({ state: 'detached', timeout: 60_000 });
    });
  });

  test('looks through the folder when it is told to', async () => {
    await inTab({ path: '/status' }, async (page) => {
      for (const card of ['queue', 'engines', 'inbox', 'disk']) await page.locator(`#${card}`).waitFor();
      const lastLook = () => page.locator('#inbox time').first().getAttribute('datetime');
      const before = await lastLook();
      await page.click('#inbox [data-scan] button');
      await eventually(async () => (await lastLook()) !== before, { timeoutMs: 30_000, what: 'another look' });
    });
  });

  /** Colors and widths once each with axe, which takes its time. */
  describe.each([
    ['light', { colorScheme: 'light', viewport: { width: 1280, height: 800 } }, findBarriers],
    ['phone-dark', { colorScheme: 'dark', viewport: { width: 390, height: 844 } }, findBarriers],
    ['dark', { colorScheme: 'dark', viewport: { width: 1280, height: 800 } }, undefined],
    ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }, undefined],
  ] as const)('%s', (look, options, barriersOf) => {
    test('keeps nobody out, on any page', async () => {
      // Only here the policy is off, for axe to be put into the page.
      const { page, context } = await openTab(browser, { origin, bypassCSP: true, ...options });
      const paths = {
        results: '/',
        search: '/?q=line',
        result: `/results/${giftCard}`,
        doubtful: `/results/${receipt}`,
        failures: '/failures',
        status: '/status',
        missing: '/nowhere',
      };
      for (const [name, path] of Object.entries(paths)) {
        await page.goto(path);
        await page.locator('#view').waitFor();
        await takePicture(page, `${name}-${look}`);
        if (barriersOf !== undefined) expect([name, await barriersOf(page)]).toEqual([name, []]);
        expect([name, await overflowOf(page)]).toEqual([name, 0]);
      }
      await context.close();
    });
  });

  test('shows hostile text that an engine has read out of a picture as the text that it is', async () => {
    await machine.drop(hostileName, await drawTexts(drawnTexts));
    await inTab({ path: '/' }, async (page) => {
      const row = rowOf(page, 'onerror=alert(4)').and(page.locator('[data-state=succeeded]'));
      await row.waitFor({ timeout: 60_000 });
      await row.locator('h2 a').click();
      await page.locator('#lines').waitFor();
      const texts = (await page.locator('[data-line] .words').allInnerTexts()).join('\n');
      // To browsers SCRIPT is a script, too: which case of a letter is read matters as little here.
      expect(texts).toMatch(/<script>\s*alert\(1\)/i);
      expect(texts).toContain('onerror=alert(2)>');
      expect(await page.locator('main script, main img[src=x]').count()).toBe(0);
    });
  });

  describe('with hostile texts', () => {
    let everything: string;

    beforeAll(async () => {
      for (const text of hostileTexts) {
        await jobs.succeed({ name: text, texts: [text, 'hostile'] });
        await jobs.fail({ name: text, message: text });
      }
      everything = await jobs.succeed({ name: 'everything', texts: hostileTexts });
    });

    test('shows all of them to the letter', async () => {
      await inTab({ path: `/results/${everything}` }, async (page) => {
        const shown = await page.locator('[data-line] .words').allTextContents();
        expect(shown).toEqual(hostileTexts.map((text, index) => asShown(text, shown[index] ?? '')));
      });
    });

    test.each([
      ['a phone', { width: 390, height: 844 }],
      ['a desktop', { width: 1280, height: 800 }],
    ])('runs, asks and breaks nothing, on %s', async (_, viewport) => {
      const paths = ['/', '/?q=alert', '/?q=hostile', `/results/${everything}`, '/failures', '/status'];
      await inTab({ path: '/', viewport }, async (page) => {
        for (const path of [...paths, ...hostileTexts.slice(0, 5).map((text) => addressOf({ q: text }))]) {
          await page.goto(path);
          await page.locator('#view').waitFor();
          expect([path, await overflowOf(page)]).toEqual([path, 0]);
          const older = page.locator('a[rel=next]');
          if ((await older.count()) === 0) continue;
          await older.first().click();
          await page.locator('#view').waitFor();
          expect([page.url(), await overflowOf(page)]).toEqual([page.url(), 0]);
        }
      });
    });

    test('has no way to run a script or a style even if one got in', async () => {
      const { page, context } = await openTab(browser, { origin });
      await page.goto('/');
      await expect(page.addScriptTag({ content: 'window.ran = true' })).rejects.toThrow(/Content Security Policy/);
      await expect(page.addScriptTag({ url: 'data:text/javascript,window.ran = true' })).rejects.toThrow();
      await page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.ran = true\">')");
      await page.evaluate("document.body.setAttribute('style', 'display: none')");
      expect(await page.evaluate('[window.ran, getComputedStyle(document.body).display]')).toEqual([
        undefined,
        'block',
      ]);
      await context.close();
    });
  });

  describe('beside another web page in the same browser', () => {
    test.each(['localhost', 'evil.example'])('at %s, is neither read nor driven', async (host) => {
      const site = await serveForeignSite();
      const { page, context } = await openTab(browser, { origin: `http://${host}:${site.port}` });
      const scans: number[] = [];
      context.on('response', (response) => {
        if (response.url() === `${origin}/scan`) scans.push(response.status());
      });
      try {
        await page.goto(addressOf({ target: origin, picture: `${origin}/pictures/${giftCard}/thumbnail` }));
        const outcomes = await page.evaluate<[string, string][]>('window.outcomes');
        expect(outcomes.filter(([, got]) => got !== 'nothing')).toEqual([]);
        expect(outcomes.length).toBeGreaterThan(8);
        expect(scans.length).toBeGreaterThan(0);
        expect([...new Set(scans)]).toEqual([403]);

        await page.goto(addressOf({ framed: `${origin}/` }));
        await eventually(() => page.frames().length === 2, { timeoutMs: 10_000, what: 'the frame' });
        expect(await page.frames()[1]!.evaluate<string>('document.body.innerText')).not.toContain('Results');
      } finally {
        await context.close();
        await site.close();
      }
    });

    test('is not there under a name that was made to lead here', async () => {
      const { page, context } = await openTab(browser, { origin: `http://rebound.example:${machine.webPort}` });
      const answer = await page.goto('/');
      expect(answer?.status()).toBe(403);
      expect(await page.content()).not.toContain('receipt');
      await context.close();
    });
  });
});

/** What is asked of an image in the browser. */
interface Picture {
  readonly complete: boolean;
  readonly naturalWidth: number;
  readonly naturalHeight: number;
}

interface Analysis {
  readonly count: number;
  readonly data: readonly { readonly text: string; readonly box: readonly (readonly [number, number])[] }[];
}

function addressOf(query: Record<string, string>): string {
  return `/?${new URLSearchParams(query).toString()}`;
}

/**
 * As the store keeps it (no database takes zeros and halves of characters) and as HTML has it (one kind of line end); the
 * page cuts lines that are longer than any real one.
 */
function asShown(text: string, shown: string): string {
  const kept = text.toWellFormed().replaceAll('\0', '\uFFFD').replaceAll('\r\n', '\n');
  const isCut = Buffer.byteLength(shown) > 500 && shown.endsWith('…');
  return isCut ? `${kept.slice(0, shown.length - 1)}…` : kept;
}
