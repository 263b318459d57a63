import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const files = join(root, 'charts/glyphmill/files');

/**
 * What the chart carries copies of, since it is packed without the rest of the project: alert rules and dashboards, and
 * the picture of helm test. `from` may be missing.
 */
const copied = [
  { from: 'monitoring/prometheus/rules', to: 'rules', isWanted: (name: string) => name.endsWith('.yml') },
  { from: 'monitoring/grafana/dashboards', to: 'dashboards', isWanted: (name: string) => name.endsWith('.json') },
] as const;

const sample = 'packages/ocr/samples/palette.png';

/** Paths of originals and of their copies, relative to the project. */
export function chartCopies(): readonly { readonly original: string; readonly copy: string }[] {
  const folders = copied.flatMap(({ from, to, isWanted }) =>
    existsSync(join(root, from))
      ? readdirSync(join(root, from))
          .filter(isWanted)
          .map((name) => ({ original: `${from}/${name}`, copy: `charts/glyphmill/files/${to}/${name}` }))
      : [],
  );
  return [
    ...folders,
    ...['', '.expected.txt'].map((end) => ({
      original: `${sample}${end}`,
      copy: `charts/glyphmill/files/sample.png${end}`,
    })),
  ];
}

/** Copies that have no original any more. */
export function leftoverCopies(): readonly string[] {
  const wanted = new Set(chartCopies().map(({ copy }) => copy));
  return copied.flatMap(({ to }) => {
    const folder = join(files, to);
    if (!existsSync(folder)) return [];
    return readdirSync(folder)
      .map((name) => `charts/glyphmill/files/${to}/${name}`)
      .filter((copy) => !wanted.has(copy));
  });
}

export function copyChartFiles(): void {
  for (const copy of leftoverCopies()) rmSync(join(root, copy));
  for (const { original, copy } of chartCopies()) {
    mkdirSync(join(root, copy, '..'), { recursive: true });
    cpSync(join(root, original), join(root, copy));
  }
}

export function isSameFile(original: string, copy: string): boolean {
  return existsSync(join(root, copy)) && readFileSync(join(root, original)).equals(readFileSync(join(root, copy)));
}
