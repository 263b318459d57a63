import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { engineEnvironment, engineFlags, type ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage } from '../image-set.ts';
import type { Stage } from './stage-of-sample.ts';

/** What the measuring process is told. */
export interface StageRequest {
  readonly images: readonly Uint8Array[];
  readonly model: ModelName;
}

/** Milliseconds of processor time for each page. */
export type StageTimes = Readonly<Partial<Record<Stage, number>>>;

/** Lets a process of its own, as bare as an engine process, read the images twice and measure the second time. Linux only. */
export async function measureStages(images: readonly BenchImage[], model: ModelName): Promise<StageTimes> {
  const child = fork(fileURLToPath(new URL('stages-process.ts', import.meta.url)), [], {
    serialization: 'advanced',
    execArgv: engineFlags,
    env: engineEnvironment,
  });
  const answer = new Promise<StageTimes>((resolve, reject) => {
    child.once('message', (times) => resolve(times as StageTimes));
    child.once('exit', (code, signal) => reject(new Error(`The measuring process ended (${signal ?? code})`)));
  });
  child.send({ images: images.map(({ bytes }) => bytes), model } satisfies StageRequest);
  const times = await answer;
  if (child.exitCode === null) await once(child, 'exit');
  return times;
}
