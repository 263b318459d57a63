import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dashboards } from '../monitoring/grafana/src/dashboards.ts';
import { copyChartFiles } from './chart-files.ts';
import { configurationPage } from './configuration-page.ts';
import { metricsPage } from './metrics-page.ts';

/** Writes what follows from the code: pages of docs/, Grafana's dashboards, and what the chart has copies of. */
const texts = new Map([
  ['docs/configuration.md', configurationPage()],
  ['docs/metrics.md', metricsPage()],
  ...Object.entries(dashboards).map(
    ([name, dashboard]) => [`monitoring/grafana/dashboards/${name}`, JSON.stringify(dashboard)] as const,
  ),
]);
const files = [...texts].map(([name, text]) => {
  const file = fileURLToPath(new URL(`../${name}`, import.meta.url));
  writeFileSync(file, text);
  return file;
});
execFileSync(fileURLToPath(new URL('../node_modules/.bin/oxfmt', import.meta.url)), files, { stdio: 'inherit' });
copyChartFiles();
