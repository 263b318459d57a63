import type { Profiler } from 'node:inspector';

/** What a page's processor time is spent on, in the order of the pipeline. */
export const stages = [
  'model runs',
  'decode and resize',
  'normalize',
  'boxes',
  'crops',
  'text and order',
  'calls of networks',
  'garbage collection',
  'compilation',
  'everything else',
] as const;
export type Stage = (typeof stages)[number];

/** Files of packages/ocr/src whose functions are a stage, with all that they call and that is no stage itself. */
const stageOfFile: ReadonlyMap<string, Stage> = new Map([
  ['image.ts', 'decode and resize'],
  ['normalize.ts', 'normalize'],
  ['boxes-from-bitmap.ts', 'boxes'],
  ['crop.ts', 'crops'],
  ['ctc-decode.ts', 'text and order'],
  ['reading-order.ts', 'text and order'],
  ['model.ts', 'calls of networks'],
]);

/** Where ONNX Runtime's JavaScript enters its native code. */
const runtimeEntry = 'onnxruntime-node/dist/backend.js';

/** Shares of the samples of a profile that were no idle time, 0..1; together 1 where there are any. */
export function sharesOfStages({ nodes, samples = [], timeDeltas = [] }: Profiler.Profile): Map<Stage, number> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((child) => [child, node.id])));
  const times = new Map<Stage, number>();
  let total = 0;
  for (const [i, id] of samples.entries()) {
    const stack: Profiler.ProfileNode[] = [];
    for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
      const node = byId.get(at);
      if (node !== undefined) stack.push(node);
    }
    const stage = stageOf(stack.map(({ callFrame }) => callFrame));
    if (stage === undefined) continue;
    const time = timeDeltas[i] ?? 0;
    total += time;
    times.set(stage, (times.get(stage) ?? 0) + time);
  }
  return new Map([...times].map(([stage, time]) => [stage, time / total]));
}

/** `stack` begins with the innermost function; undefined while the thread waits. */
function stageOf(stack: readonly Profiler.ProfileNode['callFrame'][]): Stage | undefined {
  const [inner, caller] = stack;
  if (inner === undefined || inner.functionName === '(idle)') return undefined;
  if (inner.functionName === '(garbage collector)') return 'garbage collection';
  if (inner.url === '' && caller?.url.endsWith(runtimeEntry) === true) return 'model runs';
  for (const { url } of stack) {
    if (/onnxruntime-(node|common)\//.test(url)) return 'calls of networks';
    const [, file] = /packages\/ocr\/src\/([^/]+)$/.exec(url) ?? [];
    const stage = stageOfFile.get(file ?? '');
    if (stage !== undefined) return stage;
  }
  return 'everything else';
}
