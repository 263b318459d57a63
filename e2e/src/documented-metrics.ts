import { readFile } from 'node:fs/promises';

export interface DocumentedMetric {
  readonly labels: readonly string[];
  readonly services: readonly string[];
}

/** What docs/metrics.md promises. */
export interface DocumentedMetrics {
  readonly metrics: ReadonlyMap<string, DocumentedMetric>;
  /** Of every process: event loop, memory and so on. */
  readonly defaults: ReadonlySet<string>;
  /** Undefined where the page lists no values but says what they are. */
  valuesOf(metric: string, label: string): ReadonlySet<string> | undefined;
}

const page = (name: string) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
const quoted = (text: string): string[] => [...text.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);

export async function readDocumentedMetrics(): Promise<DocumentedMetrics> {
  const [text, errors] = await Promise.all([page('metrics'), page('errors')]);
  const codes = [...errors.matchAll(/^\| `(\w+)` +\| \d{3} +\|/gm)].map(([, code = '']) => code);
  const [tables = '', rest = ''] = text.split('\n## Labels\n');
  const [labelTable = '', defaults = ''] = rest.split('\n## Of every process\n');
  const rows = (table: string) =>
    table
      .split('\n')
      .filter((line) => line.startsWith('| `'))
      .map((line) => line.split(/ *(?<!\\)\| */).slice(1, -1));
  const metrics = new Map(
    rows(tables).map(([name = '', kind = '', services = '']) => [
      quoted(name)[0] ?? '',
      { labels: quoted(kind), services: services.split(', ') },
    ]),
  );
  const values = new Map<string, ReadonlySet<string> | undefined>();
  for (const [subject = '', content = ''] of rows(labelTable)) {
    const [label = '', ...users] = quoted(subject);
    const isList = /^(`[^`]*`|empty|any \[error code\]\(errors\.md\)|, )+$/.test(content.trim());
    const listed = [
      ...quoted(content),
      ...(/\bempty\b/.test(content) ? [''] : []),
      ...(content.includes('[error code]') ? codes : []),
    ];
    for (const user of users.length === 0 ? ['*'] : users) {
      values.set(`${user}.${label}`, isList ? new Set(listed) : undefined);
    }
  }
  return {
    metrics,
    defaults: new Set(quoted(defaults)),
    valuesOf: (metric, label) => values.get(`${metric}.${label}`) ?? values.get(`*.${label}`),
  };
}
