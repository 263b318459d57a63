import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import {
  absolutePath,
  oneOf,
  positiveNumber,
  UsageError,
  wholeNumber,
  type Surroundings,
} from '../bench-surroundings.ts';
import { drawTimeline } from '../plot/timeline.ts';
import { fixed, formatTable } from '../table.ts';
import { checkRule, keepsPromise } from './rule-check.ts';
import {
  type Cluster,
  pagesPerSecondOf,
  reactionSeconds,
  runScenario,
  type Scenario,
  usualCluster,
} from './scenario.ts';
import { reportOf, type ScenarioReport } from './scenario-report.ts';
import { burstFactor, scenarios, steadyPerSecond } from './scenarios.ts';
import { readServiceTimes, type ServiceTimeMeasurement } from './service-times.ts';
import type { Sample, SimulationResult } from './simulate.ts';

const measurements = readServiceTimes();

export const simulateUsage = `Simulates queue, workers and autoscaler, with the page times of service-times.json.

Usage: npm run bench -- simulate [options]

  --scenario NAME    one of ${scenarios.map(({ name }) => name).join(', ')} (default: all)
  --pages NAME       page times: ${[...measurements.keys()].join(', ')} (default: the first)
  --min N --max N    minReplicas and maxReplicas, instead of the scenario's
  --pages-per-second N   pagesPerSecondPerPod
  --target-wait N    targetWaitSeconds
  --start-seconds N  from the decision to have a pod until it takes jobs
  --seed N           default 1
  --rule             instead: which values keep which promise, and whether the simulation agrees
  --svg DIR          a plot of each scenario
  --csv DIR          a table of each scenario, a row every 5 s
`;

export async function runSimulations(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const options = parseSimulateArguments(args, surroundings.cwd);
  const { measured, seed } = options;
  const usual = usualCluster(measured);
  const cluster = { ...usual, podStartSeconds: options.startSeconds ?? usual.podStartSeconds };
  surroundings.print(
    `Pages: ${measured.pages}, model ${measured.model}. A pod reads ${fixed(pagesPerSecondOf(cluster, measured), 2)} pages/s and ` +
      `takes jobs ${fixed(cluster.podStartSeconds, 1)} s after the decision; reaction at worst ${fixed(reactionSeconds(cluster), 0)} s.\n`,
  );
  if (options.rule) {
    surroundings.print(describeRule(cluster, measured, seed));
    return;
  }
  for (const { pool, ...rest } of options.scenarios) {
    const scenario = { ...rest, pool: { ...pool, ...options.pool } };
    const result = runScenario({ scenario, cluster, measured, seed });
    surroundings.print(describe(scenario, reportOf(scenario, result)));
    await writeInto(options.svg, `${scenario.name}.svg`, () => plot(scenario, result));
    await writeInto(options.csv, `${scenario.name}.csv`, () => toCsv(result.samples));
  }
}

async function writeInto(folder: string | undefined, name: string, content: () => string): Promise<void> {
  if (folder === undefined) return;
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, name), content());
}

function describe(scenario: Scenario, report: ScenarioReport): string {
  const { minReplicas, maxReplicas, pagesPerSecondPerPod, targetWaitSeconds } = scenario.pool;
  const seconds = (value: number | undefined) => (value === undefined ? '–' : `${fixed(value, 1)} s`);
  return formatTable([
    [scenario.title, ''],
    [
      'replicas, pages/s of a pod, target',
      `${minReplicas}–${maxReplicas}, ${pagesPerSecondPerPod}, ${targetWaitSeconds} s`,
    ],
    ...report.waits.flatMap(({ lane, jobs, p50, p95, p99, longest }) => [
      [`${lane}: jobs`, String(jobs)],
      [`${lane}: wait p50, p95, p99`, [p50, p95, p99].map(seconds).join(', ')],
      [`${lane}: longest wait`, seconds(longest)],
    ]),
    ['refused', String(report.refused)],
    ['never ended', String(report.unfinished)],
    ['replicas at most', String(report.mostReplicas)],
    ['nothing waits after the end of the burst, after', seconds(report.drainedAfterSeconds)],
    ['longest wait of jobs that came after the first pod had gone', seconds(report.longestWaitWhileShrinking)],
    ['given back by pods that had to go', String(report.givenBack)],
    ['pod hours', fixed(report.podHours, 1)],
  ]);
}

/** Promises to a steady load of two jobs a second that is 20 times as high for a while. */
function describeRule(cluster: Cluster, measured: ServiceTimeMeasurement, seed: number): string {
  const pagesPerSecondOfPod = pagesPerSecondOf(cluster, measured);
  const rows = [60, 300, 900].flatMap((burstSeconds) =>
    [60, 90, 120, 180, 300, 600, 1200].map((targetWaitSeconds) => {
      const promise = {
        steadyPerSecond,
        burstPerSecond: burstFactor * steadyPerSecond,
        pagesPerSecondOfPod,
        burstSeconds,
        targetWaitSeconds,
      };
      const check = checkRule(promise, { cluster, measured, seed });
      const head = [String(burstSeconds), String(targetWaitSeconds)];
      if (check.plan === undefined) return [...head, '–', '–', '–', '–', '–', '–', 'no pool can'];
      const { pool, scaleDownWindowSeconds } = check.plan;
      return [
        ...head,
        fixed(pool.pagesPerSecondPerPod, 2),
        `${pool.minReplicas}–${pool.maxReplicas}`,
        String(scaleDownWindowSeconds),
        String(check.mostReplicas),
        fixed(check.longestWait, 0),
        fixed(check.drainedAfterSeconds, 0),
        keepsPromise(check) ? 'holds' : 'fails',
      ];
    }),
  );
  return formatTable([
    [
      'burst s',
      'target s',
      'pagesPerSecondPerPod',
      'replicas',
      'window s',
      'at most',
      'longest wait s',
      'drained after s',
      '',
    ],
    ...rows,
  ]);
}

function plot({ title, pool, burst }: Scenario, { samples }: SimulationResult): string {
  const points = (read: (sample: Sample) => number) =>
    samples.map((sample) => [sample.atSeconds, read(sample)] as const);
  return drawTimeline({
    title,
    ...(burst && { band: burst }),
    panels: [
      {
        label: 'oldest waiting, s',
        series: [{ name: 'age', points: points(({ oldestSeconds }) => oldestSeconds), shape: 'line' }],
        mark: { height: pool.targetWaitSeconds, label: 'targetWaitSeconds' },
      },
      {
        label: 'jobs waiting',
        series: [
          { name: 'bulk', points: points(({ waiting }) => waiting.bulk), shape: 'line' },
          { name: 'interactive', points: points(({ waiting }) => waiting.interactive), shape: 'line' },
        ],
      },
      {
        label: 'pods',
        series: [
          { name: 'wanted', points: points(({ replicas }) => replicas), shape: 'step' },
          { name: 'ready', points: points(({ readyPods }) => readyPods), shape: 'step' },
        ],
      },
    ],
  });
}

function toCsv(samples: readonly Sample[]): string {
  const rows = samples.map(({ atSeconds, replicas, readyPods, waiting, oldestSeconds, finished }) =>
    [atSeconds, replicas, readyPods, waiting.interactive, waiting.bulk, oldestSeconds.toFixed(2), finished].join(','),
  );
  return ['seconds,replicas,ready_pods,waiting_interactive,waiting_bulk,oldest_seconds,finished', ...rows, ''].join(
    '\n',
  );
}

function parseSimulateArguments(args: readonly string[], cwd: string) {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      scenario: { type: 'string' },
      pages: { type: 'string' },
      min: { type: 'string' },
      max: { type: 'string' },
      'pages-per-second': { type: 'string' },
      'target-wait': { type: 'string' },
      'start-seconds': { type: 'string' },
      seed: { type: 'string' },
      rule: { type: 'boolean', default: false },
      svg: { type: 'string' },
      csv: { type: 'string' },
    },
  });
  if (positionals.length > 0) throw new UsageError('This takes no folder of images');
  const names = scenarios.map(({ name }) => name);
  const chosen = values.scenario === undefined ? undefined : oneOf('--scenario', values.scenario, names);
  const pageNames = [...measurements.keys()];
  const measured = measurements.get(oneOf('--pages', values.pages ?? pageNames[0] ?? '', pageNames));
  if (measured === undefined) throw new UsageError('No page times were measured');
  const minReplicas = wholeNumber('--min', values.min, 1);
  const maxReplicas = wholeNumber('--max', values.max, 1);
  const pagesPerSecondPerPod = positiveNumber('--pages-per-second', values['pages-per-second']);
  const targetWaitSeconds = positiveNumber('--target-wait', values['target-wait']);
  return {
    scenarios: scenarios.filter(({ name }) => chosen === undefined || name === chosen),
    measured,
    pool: {
      ...(minReplicas !== undefined && { minReplicas }),
      ...(maxReplicas !== undefined && { maxReplicas }),
      ...(pagesPerSecondPerPod !== undefined && { pagesPerSecondPerPod }),
      ...(targetWaitSeconds !== undefined && { targetWaitSeconds }),
    },
    startSeconds: positiveNumber('--start-seconds', values['start-seconds']),
    seed: wholeNumber('--seed', values.seed, 0) ?? 1,
    rule: values.rule,
    svg: absolutePath(values.svg, cwd),
    csv: absolutePath(values.csv, cwd),
  };
}
