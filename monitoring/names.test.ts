import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { valuesOf } from '../tools/metric-labels.ts';
import { describeMetrics } from '../tools/metrics-page.ts';
import { dashboards } from './grafana/src/dashboards.ts';
import { readRules } from './rule-files.ts';
import { groupingsIn, type Matcher, selectorsIn } from './selectors-in.ts';

/** A misspelt name gives no data rather than an error: an alert on it never fires, and `or on () vector(0)` looks well. */
const rules = readRules();
const recorded = new Set(rules.flatMap(({ record }) => (record === undefined ? [] : [record])));
const metrics = new Map(describeMetrics().map((metric) => [metric.name, metric]));
/** What Prometheus and its discovery add. */
const added = ['job', 'instance', 'namespace', 'pod', 'service'];

const queries = [
  ...rules.map(({ alert, record, expr }) => ({ where: alert ?? record ?? '', expr })),
  ...Object.entries(dashboards).flatMap(([file, { panels }]) =>
    panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: `${file}: ${title}`, expr }))),
  ),
];

function labelsOf(metric: string): readonly string[] | undefined {
  if (metric === 'up') return added;
  if (metric === 'ALERTS') return [...added, 'alertname', 'alertstate', 'severity'];
  if (recorded.has(metric)) return [...added, 'lane'];
  const [, base = metric, suffix] = /^(.*)_(bucket|sum|count)$/.exec(metric) ?? [];
  const described = metrics.get(metric) ?? metrics.get(base);
  if (described === undefined) return undefined;
  if ((described.type === 'histogram') !== (suffix !== undefined && !metrics.has(metric))) return undefined;
  return [...added, ...described.labels, ...(suffix === 'bucket' ? ['le'] : [])];
}

function wrongValues(metric: string, { label, operator, value }: Matcher): string[] {
  if (value.startsWith('$') || label === 'le' || label.startsWith('alert')) return [];
  const allowed = valuesOf(metric.replace(/_(bucket|sum|count)$/, ''), label);
  // Where values are not ours to list, there is nothing to compare with.
  if (allowed === undefined || 'meaning' in allowed) return [];
  const values = operator.endsWith('~') ? value.split('|') : [value];
  return values.filter((each) => !allowed.includes(each));
}

test('there are queries to look at', () => {
  expect(queries.length).toBeGreaterThan(100);
  expect(queries.filter(({ expr }) => selectorsIn(expr).length === 0)).toEqual([]);
});

/** What is wrong with the names in a query. */
function faultsOf(expr: string): string[] {
  const known = new Set<string>();
  const faults = selectorsIn(expr).flatMap(({ metric, matchers }) => {
    const labels = labelsOf(metric);
    if (labels === undefined) return [`no metric ${metric}`];
    for (const label of labels) known.add(label);
    return matchers.flatMap((matcher) =>
      labels.includes(matcher.label)
        ? wrongValues(metric, matcher).map((value) => `${metric}: ${matcher.label} is never ${value}`)
        : [`${metric} has no label ${matcher.label}`],
    );
  });
  const strange = groupingsIn(expr).filter((label) => !known.has(label));
  return [...faults, ...strange.map((label) => `nothing has the label ${label}`)];
}

test.each(queries)('$where: $expr', ({ expr }) => {
  expect(faultsOf(expr)).toEqual([]);
});

test.each([
  ['sum(glyphmill_page_total)', 'no metric glyphmill_page_total'],
  ['rate(glyphmill_job_wait_seconds[5m])', 'no metric glyphmill_job_wait_seconds'],
  ['glyphmill:queue_size:jobs', 'no metric glyphmill:queue_size:jobs'],
  ['glyphmill_pages_total{line="bulk"}', 'glyphmill_pages_total has no label line'],
  ['glyphmill_pages_total{lane=~"bulk|fast"}', 'glyphmill_pages_total: lane is never fast'],
  ['sum by (lane, reason) (glyphmill_pages_total)', 'nothing has the label reason'],
])('%s would be found', (expr, fault) => {
  expect(faultsOf(expr)).toEqual([fault]);
});

test('routes that are named are routes of the API', () => {
  const named = queries.flatMap(({ expr }) =>
    selectorsIn(expr).flatMap(({ matchers }) => matchers.filter(({ label }) => label === 'route')),
  );
  expect(new Set(named.map(({ value }) => value))).toEqual(new Set(['/analyze', '/jobs']));
  for (const route of ['analyze', 'post-jobs']) {
    const source = readFileSync(new URL(`../services/api/src/routes/${route}-route.ts`, import.meta.url), 'utf8');
    expect(source).toContain(`path: '/${route.replace('post-', '')}'`);
  }
});

test('targets of lateness are bounds of the histogram', () => {
  const { buckets = [] } = metrics.get('glyphmill_job_latency_seconds') ?? {};
  const bounds = rules.flatMap(({ expr }) => [...expr.matchAll(/le=~"(\d+)\(/g)].map(([, bound]) => Number(bound)));
  expect(bounds).toEqual([10, 300]);
  for (const bound of bounds) expect(buckets).toContain(bound);
});

test('our own faults are those of the error codes', () => {
  const page = readFileSync(new URL('../docs/metrics.md', import.meta.url), 'utf8');
  const told = /`service_error` is our own fault: (.*?)\./.exec(page)?.[1] ?? '';
  const codes = [...told.matchAll(/`(\w+)`/g)].map(([, code = '']) => code).toSorted();
  expect(codes.length).toBeGreaterThan(3);
  const inQueries = queries.flatMap(({ expr }) =>
    selectorsIn(expr).flatMap(({ matchers }) =>
      matchers.filter(({ label, value }) => label === 'code' && value.includes('internal')).map(({ value }) => value),
    ),
  );
  expect(inQueries.length).toBeGreaterThan(3);
  for (const value of inQueries) expect(value.split('|').toSorted()).toEqual(codes);
});
