import type { EndedContainer } from './process-kubelet.ts';

/** What a worker's own log says of its end. */
export interface WorkerEnd {
  readonly pod: string;
  /** It ended by itself, and with success. */
  readonly hasDrained: boolean;
  /** Pages that it had when it was asked to end, and finished. */
  readonly finishedMeanwhile: number;
  /** Pages that it had to give back; undefined where it never came to say so. */
  readonly givenBack: number | undefined;
}

interface LogLine {
  readonly msg?: string;
  readonly unfinished?: number;
}

/** How a worker whose pod was deleted has ended. A page that was in hand then is either finished or given back. */
export function describeWorkerEnd({ pod, exit, log }: Pick<EndedContainer, 'pod' | 'exit' | 'log'>): WorkerEnd {
  const lines = log.split('\n').filter((line) => line.startsWith('{'));
  const messages = lines.map((line) => JSON.parse(line) as LogLine);
  const asked = messages.findIndex(({ msg }) => msg === 'Draining');
  const drained = messages.findLast(({ msg }) => msg === 'The worker is drained');
  return {
    pod: pod.metadata.name,
    hasDrained: exit?.code === 0 && drained !== undefined,
    finishedMeanwhile: asked < 0 ? 0 : messages.slice(asked).filter(({ msg }) => msg === 'page').length,
    givenBack: drained?.unfinished,
  };
}
