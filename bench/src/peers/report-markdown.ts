import { fixed } from '../table.ts';
import type { Machine } from './machine.ts';
import type { ContenderReport, LatencySummary, LoadPoint, ModelReport, PeersReport, Spread } from './race-report.ts';
import type { Plot } from './report-plots.ts';

const noValue = '–';

/** The report as Markdown, formatted as oxfmt does; `plotsFolder` is where the plots lie as seen from its file. */
export function formatReport(report: PeersReport, plots: readonly Plot[], plotsFolder: string): string {
  const { images, threads, models } = report;
  const loads = models.filter(({ load }) => load !== undefined);
  return [
    `${images.count} images of \`${images.folder}\`${truthOf(images)}. Every peer is one process with ${plural(threads, 'thread')} unless said, ours are ${plural(threads, 'engine process', 'es')}. Median of the rounds, and the lowest and highest in parentheses.`,
    ...models.map(({ contenders }) => formatMarkdownTable([speedHeader, ...contenders.map(speedRow)])),
    ...failureNotes(models),
    'Latencies are of one image at a time, the peers in their own process with all threads. Memory is resident memory: the highest sum of all processes, and in parentheses the peak of each. `POST /analyze` is Redis, API, worker and engines together.',
    ...(loads.length === 0
      ? []
      : [loadIntroduction(loads), formatMarkdownTable([loadHeader, ...loads.flatMap(loadRows)])]),
    ...plots.map(({ file, alternative }) => `![${alternative}](${plotsFolder}/${file})`),
    formatMarkdownTable(conditionRows(report)),
  ].join('\n\n');
}

function truthOf({ count, withTruth }: PeersReport['images']): string {
  return withTruth === count ? '' : `, ${withTruth} of them with truth`;
}

function failureNotes(models: readonly ModelReport[]): string[] {
  const failing = models.flatMap(({ contenders }) => contenders).filter(({ failed }) => failed > 0);
  if (failing.length === 0) return [];
  const counts = failing.map(({ name, failed }) => `${name} ${plural(failed, 'image')}`);
  return [`Could not be read, and counts as if nothing stood there: ${counts.join(', ')}.`];
}

const speedHeader = [
  '',
  'images/s',
  'ours / theirs',
  'word F1',
  'line F1',
  'character F1',
  'p50 / p95',
  'CPU a page',
  'memory',
];

function speedRow(contender: ContenderReport, index: number): string[] {
  const { name, imagesPerSecond, ratio, scores, latency, cpuSecondsPerImage } = contender;
  return [
    index === 0 ? `**${name}**` : name,
    spreadText(imagesPerSecond),
    ratio === undefined
      ? ''
      : `**${fixed(ratio.median, 2)}** (${fixed(ratio.lowest, 2)} to ${fixed(ratio.highest, 2)})`,
    fixed(scores?.wordF1, 4),
    fixed(scores?.lineF1, 4),
    fixed(scores?.charF1, 4),
    latencyText(latency),
    `${fixed(cpuSecondsPerImage, 2)} s`,
    memoryText(contender),
  ];
}

function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return noValue;
  return `${fixed(spread.median, 2)} (${fixed(spread.lowest, 2)} to ${fixed(spread.highest, 2)})`;
}

function latencyText(latency: LatencySummary | undefined): string {
  if (latency === undefined) return noValue;
  const { p50Ms, p95Ms } = latency;
  return `${whole(p50Ms)} / ${whole(p95Ms)} ms`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

function memoryText({ peakBytes, peakBytesEach }: ContenderReport): string {
  const megabytes = (bytes: number): string => whole(bytes / 1e6);
  const total = `${megabytes(peakBytes)} MB`;
  return peakBytesEach.length < 2 ? total : `${total} (${peakBytesEach.map(megabytes).join(' + ')})`;
}

function loadIntroduction(models: readonly ModelReport[]): string {
  const saturations = models.map(({ model, load }) => `${model} ${fixed(load?.saturation, 2)} requests/s`).join(', ');
  return `\`POST /analyze\` when requests come by chance and none waits for another (a Poisson process, ${plural(requestsOf(models), 'request')} under each load). Saturation, when no engine is ever idle: ${saturations}.`;
}

function requestsOf(models: readonly ModelReport[]): number {
  return models[0]?.load?.points[0]?.requests ?? 0;
}

const loadHeader = ['model', 'requests/s', 'of saturation', 'p50', 'p95', 'failed'];

function loadRows({ model, load }: ModelReport): string[][] {
  if (load === undefined) return [];
  return load.points.map((point) => [
    model,
    fixed(point.requestsPerSecond, 2),
    `${fixed((point.requestsPerSecond / load.saturation) * 100, 0)} %`,
    loadMilliseconds(point, 'p50Ms'),
    loadMilliseconds(point, 'p95Ms'),
    String(point.failed),
  ]);
}

function loadMilliseconds(point: LoadPoint, which: 'p50Ms' | 'p95Ms'): string {
  const value = point[which];
  return value === undefined ? noValue : `${whole(value)} ms`;
}

function conditionRows({ machine, versions, othersShare, date, command }: PeersReport): string[][] {
  const peers = Object.entries(versions.peers).map(([name, version]) => `${name} ${version}`);
  return [
    ['measured on', machineText(machine)],
    ['ours', `commit ${versions.commit}, Node ${versions.node}, ONNX Runtime ${versions.onnxruntime}`],
    ['peers', peers.join(', ')],
    ['day', date],
    ['command', `\`${command}\``],
    ['others took', othersShare === undefined ? noValue : `${fixed(othersShare * 100, 0)} % of all processor time`],
  ];
}

function machineText({ processor, instructions, cores, memoryBytes, kernel }: Machine): string {
  const has = instructions.length === 0 ? '' : ` (${instructions.join(', ')})`;
  return `${processor}${has}, ${plural(cores, 'core')}, ${fixed(memoryBytes / 1e9, 0)} GB, ${kernel}`;
}

function plural(count: number, noun: string, ending = 's'): string {
  return `${count} ${noun}${count === 1 ? '' : ending}`;
}

/** The first row is the header. Columns are as wide as their widest cell. */
export function formatMarkdownTable(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 3, cell.length);
  }
  const formatRow = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`;
  const [header = [], ...body] = rows;
  return [formatRow(header), rule, ...body.map(formatRow)].join('\n');
}
