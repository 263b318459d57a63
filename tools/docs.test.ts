import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../packages/core/src/errors.ts';
import { serviceVariables } from '../services/all-in-one/src/child-environments.ts';
import { apiSettings } from '../services/api/src/api-settings.ts';
import { statusOf } from '../packages/http/src/problem.ts';
import { ingestSettings } from '../services/ingest/src/ingest-settings.ts';
import { webSettings } from '../services/web/src/web-settings.ts';
import { workerSettings } from '../services/worker/src/worker-settings.ts';
import { summarize } from '../services/all-in-one/src/summary.ts';
import { parseEnvironment } from '../packages/core/src/config.ts';
import { allInOneSettings } from '../services/all-in-one/src/all-in-one-settings.ts';
import { configurationPage } from './configuration-page.ts';
import { metricsPage } from './metrics-page.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');

it.each([
  ['docs/configuration.md', configurationPage],
  ['docs/metrics.md', metricsPage],
])('%s is what the code says (npm run docs:generate)', (page, text) => {
  const format = path.join(root, 'node_modules/.bin/oxfmt');
  const expected = execFileSync(format, [`--stdin-filepath=${page}`], {
    cwd: root,
    input: text(),
    encoding: 'utf8',
  });
  expect(read(page)).toBe(expected);
});

it.each([
  ['api', apiSettings],
  ['worker', workerSettings],
  ['ingest', ingestSettings],
  ['web', webSettings],
] as const)('all-in-one hands the %s exactly the settings that it reads', (service, schema) => {
  expect([...serviceVariables[service]].toSorted()).toEqual(Object.keys(schema.shape).toSorted());
});

describe('docs/errors.md', () => {
  const rows = new Map(
    [...read('docs/errors.md').matchAll(/^\| `(\w+)` +\| (\d{3}) +\|/gm)].map(([, code, status]) => [
      code,
      Number(status),
    ]),
  );

  it('has a row with the right status for every code, and for no other', () => {
    expect(Object.fromEntries(rows)).toEqual(statusOf);
    expect(Object.keys(statusOf).toSorted()).toEqual(errorCodes.toSorted());
  });
});

describe('links between pages', () => {
  const pages = globSync(['*.md', 'docs/*.md'], { cwd: root });

  it.each(pages)('%s', (page) => {
    const targets = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = '']) => target);
    const missing = targets.filter((target) => !existsSync(path.join(root, path.dirname(page), target)));
    expect(missing).toEqual([]);
  });
});

it('names only scripts that exist', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const named = globSync(['*.md', 'docs/*.md'], { cwd: root }).flatMap((page) =>
    [...read(page).matchAll(/npm run (?:-s )?([\w:]+)/g)].map(([, script = '']) => script),
  );
  expect(named.filter((script) => !(script in scripts))).toEqual([]);
});

it('README.md shows the command that npm start prints, and the test of it in services/all-in-one holds for both', () => {
  const printed = summarize({
    settings: parseEnvironment(allInOneSettings, {}),
    ports: { api: 8000, web: 5000, ops: { api: 9464, worker: 9465, ingest: 9466, web: 9467 } },
    dataFolder: '/data',
    inbox: '/data/inbox',
    engineProcesses: '2',
  });
  const command = /^ {2}echo [^]*?-d @-$/m.exec(printed)?.[0].replaceAll(/^ {2}/gm, '') ?? 'none was printed';
  expect(read('README.md')).toContain(command);
});

it('lets npm pass signals on: a shell between npm and the program would keep them', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  const throughBootstrap = Object.values(scripts).filter((script) => script.includes('bootstrap.mjs'));
  expect(throughBootstrap.length).toBeGreaterThan(5);
  expect(throughBootstrap.filter((script) => !script.startsWith('exec node '))).toEqual([]);
});
