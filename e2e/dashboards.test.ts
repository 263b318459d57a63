import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './src/eventually.ts';
import { type ScrapedMachine, startScrapedMachine } from './src/scraped-machine.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = `${root}/monitoring/grafana/dashboards`;
const loadSeconds = 60;

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly values: readonly (readonly [number, string])[];
}

const queries = readdirSync(folder).flatMap((file) => {
  const { panels } = JSON.parse(readFileSync(`${folder}/${file}`, 'utf8')) as Dashboard;
  return panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ file, title, expr })));
});

let scraped: ScrapedMachine;
let startedAt: number;
let summary: string;

beforeAll(async () => {
  scraped = await startScrapedMachine();
  startedAt = Date.now() / 1000;
  await allTargetsUp();
  summary = await runDemoLoad();
  // What the last seconds brought is scraped and recorded, too.
  await eventually(async () => (await rangeOf('glyphmill:late:increase5m')).length === 2, {
    timeoutMs: 60_000,
    everyMs: 1000,
    what: 'both lanes to be recorded',
  });
}, 420_000);
afterAll(async () => scraped?.stop());

async function allTargetsUp(): Promise<void> {
  await eventually(
    async () => {
      const up = (await scraped.prometheus.ask('/api/v1/query', { query: 'up == 1' })) as { result: unknown[] };
      return up.result.length === 4;
    },
    { timeoutMs: 60_000, everyMs: 500, what: 'all four services to be scraped' },
  );
}

/** As `npm run demo:load` does. Gives what it prints. */
async function runDemoLoad(): Promise<string> {
  const { apiPort, dataDir } = scraped.machine;
  const script = `${root}/bench/src/main.ts`;
  const options = [
    '--seconds',
    String(loadSeconds),
    '--url',
    `http://127.0.0.1:${apiPort}`,
    '--inbox',
    `${dataDir}/inbox`,
  ];
  const load = spawn(process.execPath, [script, 'demo', ...options], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [load.stdout, load.stderr]) stream.on('data', (chunk: Buffer) => (output += String(chunk)));
  const [code] = (await once(load, 'exit')) as [number | null];
  if (code !== 0) throw new Error(`The demo load ended with ${code}:\n${output}`);
  return output;
}

/** As Grafana asks for a panel that shows the whole run. */
async function rangeOf(expr: string): Promise<Series[]> {
  const query = expr
    .replaceAll('$__rate_interval', '15s')
    .replaceAll('$__range', '5m')
    .replaceAll(/\$(namespace|pod)\b/g, '.*');
  expect(query).not.toContain('$');
  const { result } = (await scraped.prometheus.ask('/api/v1/query_range', {
    query,
    start: String(startedAt),
    end: String(Date.now() / 1000),
    step: '2',
  })) as { result: Series[] };
  // A quotient of nothing and nothing is drawn as a gap.
  return result.filter(({ values }) => values.some(([, value]) => value !== 'NaN'));
}

test('the demo load brings good and broken pictures, dead URLs and files', () => {
  expect(summary).toMatch(/POST \/analyze, good picture +ok +\d/);
  expect(summary).toMatch(/POST \/analyze, broken picture +image_unreadable +\d/);
  expect(summary).toMatch(/POST \/analyze, dead URL +download_failed +\d/);
  expect(summary).toMatch(/POST \/jobs, good picture +succeeded +\d/);
  expect(summary).toMatch(/POST \/jobs, broken picture +failed: image_unreadable +\d/);
  expect(summary).toMatch(/inbox, good picture +put there +\d/);
});

describe('each panel shows data', () => {
  test.each(queries)('$file: $title: $expr', async ({ expr }) => {
    expect(await rangeOf(expr)).not.toEqual([]);
  });
});

describe('rules', () => {
  interface RuleGroups {
    readonly groups: readonly { readonly rules: readonly Rule[] }[];
  }
  interface Rule {
    readonly type: 'recording' | 'alerting';
    readonly name: string;
    readonly health: string;
    readonly lastError?: string;
    readonly state?: string;
  }
  let rules: Rule[];
  beforeAll(async () => {
    const { groups } = (await scraped.prometheus.ask('/api/v1/rules')) as RuleGroups;
    rules = groups.flatMap((group) => group.rules);
  });

  test('all work', () => {
    expect(rules.length).toBeGreaterThan(20);
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([]);
  });

  test('what is recorded is there', async () => {
    for (const { name } of rules.filter(({ type }) => type === 'recording')) {
      expect(await rangeOf(name), name).not.toEqual([]);
    }
  });

  test('no alert fires where all is well', () => {
    expect(rules.filter(({ state }) => state === 'firing').map(({ name }) => name)).toEqual([]);
  });

  test('dead URLs and broken pictures are no faults of ours', async () => {
    const faults = await rangeOf('glyphmill:own_faults:increase5m');
    expect(new Set(faults.map(({ metric }) => metric['lane']))).toEqual(new Set(['bulk', 'interactive']));
    for (const { values } of faults) expect(values.every(([, value]) => Number(value) === 0)).toBe(true);
  });
});
