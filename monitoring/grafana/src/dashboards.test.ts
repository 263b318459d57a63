import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { dashboards } from './dashboards.ts';

const folder = new URL('../dashboards/', import.meta.url);

test('the files are what the code says (npm run docs:generate)', () => {
  expect(readdirSync(folder).toSorted()).toEqual(Object.keys(dashboards).toSorted());
  for (const [name, dashboard] of Object.entries(dashboards)) {
    expect(JSON.parse(readFileSync(new URL(name, folder), 'utf8')), name).toEqual(dashboard);
  }
});

interface Place {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

describe.each(Object.entries(dashboards))('%s', (_, { panels }) => {
  it('has panels that say what they show, in which unit, and ask for something', () => {
    for (const { title, type, description, targets = [], fieldConfig } of panels) {
      if (type === 'row') continue;
      expect(description, title).toMatch(/\w{3}.*[.]$/);
      expect(targets.length, title).toBeGreaterThan(0);
      expect(fieldConfig, title).toMatchObject({ defaults: { unit: expect.any(String) as string } });
      for (const { legendFormat } of targets) expect(legendFormat, title).toMatch(/\w/);
    }
  });

  it('asks the chosen Prometheus about the chosen namespaces only', () => {
    for (const { title, targets = [] } of panels) {
      for (const { expr, datasource } of targets) {
        expect(datasource, title).toEqual({ type: 'prometheus', uid: '${datasource}' });
        expect(expr, title).toContain('namespace=~"$namespace"');
      }
    }
  });

  it('lays panels beside one another, not on top', () => {
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      const { x, y, w, h } = gridPos as Place;
      expect(x + w, title).toBeLessThanOrEqual(24);
      for (let column = x; column < x + w; column += 1) {
        for (let line = y; line < y + h; line += 1) {
          expect(taken.has(`${column},${line}`), title).toBe(false);
          taken.add(`${column},${line}`);
        }
      }
    }
  });

  it('numbers its panels, each once', () => {
    const ids = panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
