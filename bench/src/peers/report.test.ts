import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ContenderReport, PeersReport } from './race-report.ts';
import { checkReportFile, insertReport, writeReport } from './report-file.ts';
import { formatReport } from './report-markdown.ts';
import { drawPlots } from './report-plots.ts';

const scores = { images: 40, wordF1: 0.9026, lineF1: 0.8562, charF1: 0.9893 };
const latency = { p50Ms: 912.4, p95Ms: 1_834, images: 40 };

function contender(name: string, changes: Partial<ContenderReport>): ContenderReport {
  return {
    name,
    imagesPerSecond: { median: 1.06, lowest: 1, highest: 1.1 },
    ratio: { median: 1.7, lowest: 1.6, highest: 1.8 },
    scores,
    latency,
    cpuSecondsPerImage: 1.84,
    peakBytes: 831e6,
    peakBytesEach: [831e6],
    failed: 0,
    ...changes,
  };
}

const report: PeersReport = {
  date: '2026-11-27',
  command: 'npm run bench:peers -- DIR --report docs/performance.md',
  machine: {
    processor: 'AMD EPYC',
    instructions: ['avx2', 'avx512_vnni'],
    cores: 2,
    memoryBytes: 25e9,
    kernel: 'Linux 6.1',
  },
  versions: { node: '24.21.0', onnxruntime: '1.30.0', peers: { rapidocr: '3.10.0' }, commit: 'abcdef123' },
  othersShare: 0.034,
  images: { folder: 'receipts', count: 40, withTruth: 40 },
  threads: 2,
  models: [
    {
      model: 'small',
      contenders: [
        contender('Glyphmill small', {
          imagesPerSecond: { median: 1.8, lowest: 1.75, highest: 1.9 },
          ratio: undefined,
          peakBytes: 990e6,
          peakBytesEach: [500e6, 490e6],
        }),
        contender('Glyphmill small through POST /analyze', { imagesPerSecond: undefined, ratio: undefined }),
        contender('faster-paddle small', {}),
        contender('faster-paddle small, 2 processes', { failed: 1, latency: undefined, peakBytesEach: [400e6, 431e6] }),
      ],
      load: {
        saturation: 1.75,
        points: [
          { requestsPerSecond: 0.35, requests: 30, failed: 0, p50Ms: 600, p95Ms: 1_200, images: 30 },
          { requestsPerSecond: 2.1, requests: 30, failed: 30 },
        ],
      },
    },
  ],
};

const withoutTruth: PeersReport = {
  ...report,
  images: { ...report.images, withTruth: 0 },
  models: report.models.map(({ model, contenders }) => ({
    model,
    contenders: contenders.map((entry) => ({ ...entry, scores: undefined })),
    load: undefined,
  })),
};

const cellsOf = (markdown: string, row: string): string[] =>
  (markdown.split('\n').find((line) => line.startsWith(row)) ?? '').split('|').map((cell) => cell.trim());

describe('the Markdown', () => {
  const markdown = formatReport(report, drawPlots(report), 'bench');

  test.each([
    ['| **Glyphmill small**', ['1.80 (1.75 to 1.90)', '', '0.9026', '912 / 1,834 ms', '1.84 s', '990 MB (500 + 490)']],
    ['| Glyphmill small through', ['–', '0.9026']],
    ['| faster-paddle small', ['1.06 (1.00 to 1.10)', '**1.70** (1.60 to 1.80)', '0.8562', '0.9893', '831 MB']],
    ['| faster-paddle small, 2', ['–', '831 MB (400 + 431)']],
    ['| small | 0.35 ', ['20 %', '600 ms', '1,200 ms', '0']],
    ['| small | 2.10 ', ['120 %', '–', '30']],
    ['| measured on', ['AMD EPYC (avx2, avx512_vnni), 2 cores, 25 GB, Linux 6.1']],
    ['| ours ', ['commit abcdef123, Node 24.21.0, ONNX Runtime 1.30.0']],
    ['| others took', ['3 % of all processor time']],
    ['| command', ['`npm run bench:peers -- DIR --report docs/performance.md`']],
  ])('has a row %s', (row, cells) => {
    expect(cellsOf(markdown, row)).toEqual(expect.arrayContaining(cells));
  });

  test('names those who could not read all', () => {
    expect(markdown).toContain('as if nothing stood there: faster-paddle small, 2 processes 1 image.');
  });

  test.each([
    ['everything', report],
    ['no truth and no load', withoutTruth],
  ])('is formatted as the project wants it, with %s', (_, given) => {
    const root = fileURLToPath(new URL('../../../', import.meta.url));
    const text = insertReport(undefined, formatReport(given, drawPlots(given), 'bench'), 'report.md');
    const formatted = execFileSync(path.join(root, 'node_modules/.bin/oxfmt'), ['--stdin-filepath=docs/report.md'], {
      cwd: root,
      input: text,
      encoding: 'utf8',
    });
    expect(text).toBe(formatted);
  });
});

test('there is a plot of what was measured, and none of what was not', () => {
  expect(drawPlots(report).map(({ file }) => file)).toEqual(['speed-accuracy.svg', 'latency-small.svg', 'memory.svg']);
  expect(drawPlots(withoutTruth).map(({ file }) => file)).toEqual(['memory.svg']);
  const latencies = drawPlots(report)[1]?.svg ?? '';
  expect(latencies).toContain('faster-paddle small saturated in its process, 1.06/s');
  // The load under which nothing was answered has no dot.
  expect(latencies.match(/<circle/g)).toHaveLength(2);
});

describe('the file', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'report-'));
    file = path.join(folder, 'page.md');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('is made where there is none, and its report replaced the next time, with nothing around it', async () => {
    await writeReport(file, report);
    const first = await readFile(file, 'utf8');
    expect(first).toContain('](bench/memory.svg)');
    expect(await readdir(path.join(folder, 'bench'))).toHaveLength(3);
    await writeFile(file, `before\n\n${first.slice(first.indexOf('<!--'))}\nafter\n`);
    await writeReport(file, { ...report, date: '2027-01-02' });
    const second = await readFile(file, 'utf8');
    expect(second).toMatch(/^before\n\n<!--[^]*-->\n\nafter\n$/);
    expect(second).toContain('2027-01-02');
    expect(second).not.toContain(report.date);
    expect(second.match(/<!--/g)).toHaveLength(2);
  });

  test('that has no place for a report is left as it is', async () => {
    await writeFile(file, 'mine\n');
    await expect(checkReportFile(file)).rejects.toThrow('no place for a report');
    await expect(writeReport(file, report)).rejects.toThrow('no place for a report');
    expect(await readFile(file, 'utf8')).toBe('mine\n');
  });
});
