import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectLines, testAftermath } from './src/expectations.ts';
import { Stack } from './src/stack.ts';
import { drawSeeds, giftCardLines, seedFormats, toDataUrl } from './src/test-images.ts';

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ env: { MODEL: 'small' } });
});
afterAll(() => stack?.stop());

describe('POST /analyze with the default model', () => {
  test('reads exactly the two lines of the gift card', async () => {
    const answer = await stack.analyze(stack.pictureUrl('giftCard'));
    expectLines(answer, giftCardLines);
    const body = answer.json as { message: string; count: number; data: { confidence: number; box: number[][] }[] };
    expect(body.message).toBe('Analysis successful');
    expect(body.count).toBe(2);
    for (const { confidence, box } of body.data) {
      expect(confidence).toBeGreaterThan(0.9);
      expect(confidence * 10_000).toBeCloseTo(Math.round(confidence * 10_000), 6);
      expect(box).toHaveLength(4);
      for (const coordinate of box.flat()) {
        expect(Number.isInteger(coordinate)).toBe(true);
        expect(coordinate).toBeGreaterThanOrEqual(0);
        expect(coordinate).toBeLessThanOrEqual(1000);
      }
    }
  });

  test('reads them from a data: URL too', async () => {
    expectLines(await stack.analyze(toDataUrl(stack.pictures.giftCard)), giftCardLines);
  });

  test('follows a redirect', async () => {
    const to = stack.pictureUrl('giftCard');
    expectLines(await stack.analyze(stack.images.url('redirect', { to })), giftCardLines);
  });

  test('ignores keys that it does not know', async () => {
    const answer = await stack.send({
      method: 'POST',
      path: '/analyze',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image_url: stack.pictureUrl('giftCard'), client: 'somebody', nested: { a: 1 } }),
    });
    expectLines(answer, giftCardLines);
  });

  test('finds no text where there is none', async () => {
    const answer = await stack.analyze(stack.pictureUrl('blank'));
    expect(answer.json).toEqual({ message: 'No text detected', count: 0, data: [] });
    expect(answer.status).toBe(200);
  });

  test('reads every format', async () => {
    const seeds = await drawSeeds();
    for (const format of seedFormats) {
      const answer = await stack.analyze(toDataUrl(seeds[format]));
      expect(answer.status, `${format}: ${answer.text}`).toBe(200);
      expect(answer.json, format).toMatchObject({ count: 1 });
    }
  });
});

describe('around it', () => {
  test('says that it is there, without credentials', async () => {
    const answer = await stack.send({ path: '/', headers: { authorization: '' } });
    expect(answer.json).toEqual({ status: 'ok', message: 'OCR Service is Ready' });
  });

  test('describes itself', async () => {
    const document = await stack.send({ path: '/openapi.json' });
    expect(document.json).toMatchObject({ openapi: '3.1.0', paths: { '/analyze': { post: {} } } });
    const page = await stack.send({ path: '/docs' });
    expect(page.status).toBe(200);
    expect(page.contentType).toMatch(/^text\/html\b/);
  });
});

testAftermath(() => stack);
