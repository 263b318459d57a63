import type { ModelName } from '@glyphmill/ocr/pool';
import type { Surroundings } from '../bench-surroundings.ts';
import type { BenchImage } from '../image-set.ts';
import { fixed } from '../table.ts';
import { createApiContender, type ApiContender } from './api-contender.ts';
import type { Contender } from './contender.ts';
import { createOwnContenders } from './own-contender.ts';
import { createPythonContender, type PeerName } from './python-contender.ts';
import { race, type RaceOptions, type RaceResult, type Round } from './race.ts';
import { reportContenders, summarizeLoad, type LoadCurve, type ModelReport } from './race-report.ts';

export interface RaceModelOptions extends RaceOptions {
  /** Threads of each peer, and engine processes of ours. faster-paddle is also raced as so many processes. */
  readonly threads: number;
  readonly peers: readonly PeerName[];
  /** A Python that has the peers. */
  readonly python: string;
  /** Whether `POST /analyze` takes part, and which loads it gets afterwards. */
  readonly api: LoadPlan | undefined;
}

export interface LoadPlan {
  readonly requestsPerLoad: number;
  /** Loads as shares of saturation, one after the other. */
  readonly loadShares: readonly number[];
}

export interface ModelOutcome {
  readonly report: ModelReport;
  readonly contenders: readonly Contender[];
  readonly result: RaceResult;
}

/** All with the same model: first in turns, then the loads on ours, when the peers have ended. */
export async function raceModel(
  model: ModelName,
  images: readonly BenchImage[],
  options: RaceModelOptions,
  surroundings: Surroundings,
): Promise<ModelOutcome> {
  const { env, note } = surroundings;
  const { threads, peers, python, api: apiOptions } = options;
  const warmUp = images[0];
  const contenders: Contender[] = [];
  try {
    note(`loading ${model}`);
    contenders.push(...(await createOwnContenders(model, { processes: threads, warmUp })));
    const api = apiOptions && (await createApiContender(images, { model, processes: threads, env }));
    if (api !== undefined) contenders.push(api);
    const peer = { python, model, warmUp, env };
    for (const name of peers) {
      contenders.push(await createPythonContender(name, { ...peer, processes: 1, threads }));
    }
    // What a caller would do who wants the most of it, as ours does.
    if (peers.includes('faster-paddle') && threads > 1) {
      contenders.push(await createPythonContender('faster-paddle', { ...peer, processes: threads, threads: 1 }));
    }
    const onRound = printRounds(contenders, surroundings);
    const result = await race(contenders, images, { ...options, onRound, onFailure: surroundings.print });
    // Memory is asked for while all are there.
    const reports = reportContenders(contenders, result, images);
    for (const contender of contenders) if (contender !== api) await contender.close();
    const load = api && (await measureLoadCurve(api, images, { ...apiOptions, note }));
    return { report: { model, contenders: reports, load }, contenders, result };
  } finally {
    for (const contender of contenders) await contender.close();
  }
}

function printRounds(contenders: readonly Contender[], { print }: Surroundings): (round: Round) => void {
  let number = 0;
  return ({ imagesPerSecond }) => {
    number++;
    const speeds = contenders.flatMap(({ name, role }, index) =>
      role === 'saturation' ? `${name} ${fixed(imagesPerSecond[index], 3)}` : [],
    );
    print(`round ${number}: ${speeds.join(', ')} images/s`);
  };
}

async function measureLoadCurve(
  api: ApiContender,
  images: readonly BenchImage[],
  { requestsPerLoad, loadShares, note }: LoadPlan & Pick<Surroundings, 'note'>,
): Promise<LoadCurve> {
  note('saturating POST /analyze');
  const { seconds } = await api.saturate(images);
  const saturation = images.length / seconds;
  const results = await api.measureLoads(images, {
    saturation,
    shares: loadShares,
    requests: requestsPerLoad,
    onLoad: ({ requestsPerSecond }) => note(`POST /analyze answered ${fixed(requestsPerSecond, 2)} requests/s`),
  });
  return { saturation, points: results.map(summarizeLoad) };
}
