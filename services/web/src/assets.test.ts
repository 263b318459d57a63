import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { loadAssets } from './assets.ts';

test('the style sheet is all of its parts, what changes the others last', () => {
  const { body } = loadAssets().style;
  const folder = new URL('assets/style/', import.meta.url);
  const parts = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8'));
  expect(parts.length).toBeGreaterThan(5);
  for (const part of parts) expect(body).toContain(part);
  expect(body.length).toBe(parts.join('\n').length);
  expect(body).toMatch(/@media print \{[^]*\}\n\}\n$/);
});
