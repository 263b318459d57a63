import { setTimeout as delay } from 'node:timers/promises';
import { placeOfFault } from '@glyphmill/core/describe-fault';
import { OcrError } from '@glyphmill/core/errors';
import { type Leader, type Term, TermOver } from '@glyphmill/core/leader';
import type { Logger } from '@glyphmill/core/logging';

/** One of the leader's duties. */
export interface UpkeepTask {
  readonly name: string;
  readonly everyMs: number;
  run(term: Term): Promise<void>;
}

export interface TaskLoopOptions {
  readonly task: UpkeepTask;
  readonly leader: Pick<Leader, 'term'>;
  readonly logger: Logger;
  /** Ends the loop; the leader's term is over by then. */
  readonly signal: AbortSignal;
}

/** Runs a task again and again while this process leads, never twice at once. Never rejects. */
export async function runTaskLoop({ task, leader, logger, signal }: TaskLoopOptions): Promise<void> {
  let failing = false;
  while (!signal.aborted) {
    const term = await leader.term();
    if (term === undefined) return;
    try {
      await task.run(term);
      if (failing) logger.info({ task: task.name }, 'Upkeep works again');
      failing = false;
    } catch (error) {
      // What fails at the end of a term fails since it was told to stop.
      if (!(error instanceof TermOver) && !term.isOver) {
        if (!failing) tellFailure(error, { task, logger });
        failing = true;
      }
    }
    await delay(task.everyMs, undefined, { signal }).catch(() => undefined);
  }
}

/** Outages are told by those whose connections they are: here they are no more than a pause. */
function tellFailure(error: unknown, { task, logger }: Pick<TaskLoopOptions, 'task' | 'logger'>): void {
  const { code, cause } = OcrError.from(error);
  const fields = { task: task.name, code };
  if (code === 'queue_unavailable' || code === 'store_unavailable') logger.debug(fields, 'Upkeep waits');
  else logger.error({ ...fields, fault: placeOfFault(cause) }, 'Upkeep fails');
}
