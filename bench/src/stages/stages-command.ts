import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { modelNames, type ModelName } from '@glyphmill/ocr/pool';
import { absolutePath, oneFolder, oneOf, wholeNumber, type Surroundings } from '../bench-surroundings.ts';
import { loadImages, type BenchImage } from '../image-set.ts';
import { preparePeerPython } from '../peers/peer-environment.ts';
import { childrenOf, readCpuSeconds } from '../proc-stat.ts';
import { createPythonContender } from '../peers/python-contender.ts';
import { fixed, formatTable } from '../table.ts';
import { stages } from './stage-of-sample.ts';
import { measureStages, type StageTimes } from './stage-times.ts';

export const stagesUsage = `Says what the processor time of a page goes into, stage by stage, beside faster-paddle's time for a page.

Usage: npm run bench -- stages DIR [options]

  --model small|tiny     default small
  --limit N              only the first N images
  --no-peer              without faster-paddle
  --threads N            threads of faster-paddle (default 2)
  --python PATH          a Python that has faster-paddle; by default one is set up in bench/.venv
  --json FILE            all numbers as JSON
`;

export async function runStages(args: readonly string[], surroundings: Surroundings): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    allowNegative: true,
    options: {
      model: { type: 'string', default: 'small' },
      limit: { type: 'string' },
      peer: { type: 'boolean', default: true },
      threads: { type: 'string' },
      python: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const { cwd, env, print, note } = surroundings;
  const model = oneOf('--model', values.model, modelNames);
  const threads = wholeNumber('--threads', values.threads, 1) ?? 2;
  const images = await loadImages(oneFolder(positionals, cwd), undefined, wholeNumber('--limit', values.limit, 1));
  note(`${images.length} images, model ${model}`);
  const times = await measureStages(images, model);
  let peerMs: number | undefined;
  if (values.peer) {
    const python = absolutePath(values.python, cwd) ?? (await preparePeerPython({ note }));
    note('faster-paddle');
    peerMs = await measurePeer(images, { python, model, threads, env });
  }
  printStages(times, peerMs, print);
  const json = absolutePath(values.json, cwd);
  if (json === undefined) return;
  const content = { model, images: images.length, stages: times, peerMs };
  await writeFile(json, `${JSON.stringify(content, null, 2)}\n`);
}

/** Milliseconds of processor time that faster-paddle takes for a page. */
async function measurePeer(
  images: readonly BenchImage[],
  options: {
    readonly python: string;
    readonly model: ModelName;
    readonly threads: number;
    readonly env: Surroundings['env'];
  },
): Promise<number> {
  const before = childrenOf(process.pid);
  const peer = await createPythonContender('faster-paddle', { ...options, processes: 1, warmUp: images[0] });
  try {
    const pids = childrenOf(process.pid).filter((pid) => !before.includes(pid));
    const cpuSeconds = (): number => pids.reduce((sum, pid) => sum + readCpuSeconds(pid).own, 0);
    const start = cpuSeconds();
    await peer.run(images);
    return ((cpuSeconds() - start) * 1000) / images.length;
  } finally {
    await peer.close();
  }
}

function printStages(times: StageTimes, peerMs: number | undefined, print: (text: string) => void): void {
  const totalMs = Object.values(times).reduce((sum, ms) => sum + ms, 0);
  const besides = totalMs - (times['model runs'] ?? 0);
  const row = (name: string, ms: number): string[] => [
    name,
    fixed(ms, 1),
    percent(ms / totalMs),
    ...(peerMs === undefined ? [] : [percent(ms / peerMs)]),
  ];
  print(
    formatTable([
      ['processor time of a page', 'ms', 'share', ...(peerMs === undefined ? [] : ["of faster-paddle's"])],
      ...stages.map((stage) => row(stage, times[stage] ?? 0)),
      row('all but model runs', besides),
      row('all', totalMs),
      ...(peerMs === undefined ? [] : [row('faster-paddle', peerMs)]),
    ]),
  );
}

function percent(share: number): string {
  return `${fixed(share * 100, 1)} %`;
}
