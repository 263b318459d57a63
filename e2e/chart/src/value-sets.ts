import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chart, chartTests } from './render-chart.ts';

const minimal = join(chartTests, 'values', 'minimal.yaml');

/** Files of values that people use, by name. */
export const valueSets: Readonly<Record<string, readonly string[]>> = {
  minimal: [minimal],
  trial: [join(chart, 'values-trial.yaml')],
  ...Object.fromEntries(
    namesIn('values')
      .filter((name) => name !== 'minimal')
      .map((name) => [name, [minimal, join(chartTests, 'values', `${name}.yaml`)]]),
  ),
};

/** With all alerts and dashboards: too large to keep what it renders, which are files of the chart anyway. */
export const monitoringSet: readonly string[] = [minimal, join(chartTests, 'monitoring.yaml')];

export interface Refusal {
  readonly name: string;
  readonly values: readonly string[];
  /** Part of what is said. */
  readonly message: string;
}

/** Values that are refused; the first line of each file says how. */
export const refusals: readonly Refusal[] = namesIn('refused').map((name) => {
  const file = join(chartTests, 'refused', `${name}.yaml`);
  const [firstLine = ''] = readFileSync(file, 'utf8').split('\n', 1);
  return { name, values: [minimal, file], message: firstLine.replace(/^# /, '') };
});

function namesIn(folder: string): string[] {
  return readdirSync(join(chartTests, folder))
    .map((file) => basename(file, '.yaml'))
    .toSorted();
}
