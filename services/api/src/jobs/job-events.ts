import { OcrError } from '@glyphmill/core/errors';
import type { JobBody } from './job-body.ts';
import type { FoundJob } from './find-job.ts';
import { hasEnded, type JobWatch } from './job-watch.ts';

export interface JobEventsOptions {
  readonly watch: Pick<JobWatch, 'watch'>;
  /** The job as it is now; undefined when it is gone. */
  readonly find: () => Promise<FoundJob | undefined>;
  /** The caller has hung up, or the process is draining. */
  readonly signal: AbortSignal;
  readonly heartbeatMs?: number;
}

const defaultHeartbeatMs = 15_000;
/** Nobody tells of the changes of an ephemeral job, and a store that was away is asked again after so long. */
const lookIntervalMs = 1_000;

/**
 * The text of an event stream (server-sent events): the job as it is, then again after each change of its state, until
 * it has ended. Each event's id is the state, so that a browser that connects again says what it has seen. `first` is
 * the job as the caller of this function has just found it.
 */
export async function* jobEvents(first: FoundJob, options: JobEventsOptions): AsyncGenerator<string> {
  const { find, signal, watch, heartbeatMs = defaultHeartbeatMs } = options;
  const bell = createBell();
  let known: JobBody = first.body;
  const watched =
    first.kind === 'durable'
      ? await watch.watch(first.body.id, (state) => {
          // The watch tells the same state again and again; to look it all up is dear.
          if (state !== known.state) bell.ring();
        })
      : undefined;
  let shown: string | undefined;
  let lastSentAt = Date.now();
  try {
    // What it is now that changes are heard of, not what it was before.
    let found: FoundJob | 'not known' | undefined = watched === undefined ? first : await look(find);
    for (;;) {
      if (found === undefined) return;
      if (found !== 'not known') known = found.body;
      if (found !== 'not known' && signatureOf(found.body) !== shown) {
        shown = signatureOf(found.body);
        lastSentAt = Date.now();
        yield eventText(found.body);
        if (hasEnded(found.body.state)) return;
      }
      if (signal.aborted) return;
      const blind = found === 'not known' || found.kind === 'ephemeral';
      const quietMs = lastSentAt + heartbeatMs - Date.now();
      await bell.waitFor(Math.max(Math.min(quietMs, blind ? lookIntervalMs : quietMs), 0), signal);
      if (Date.now() - lastSentAt >= heartbeatMs && !signal.aborted) {
        lastSentAt = Date.now();
        yield ': still here\n\n';
      }
      if (!signal.aborted) found = await look(find);
    }
  } finally {
    watched?.close();
  }
}

async function look(find: JobEventsOptions['find']): Promise<FoundJob | 'not known' | undefined> {
  try {
    return await find();
  } catch (error) {
    // A store or queue that is away comes back; a fault of our own would only go on.
    if (OcrError.from(error).code === 'internal') throw error;
    return 'not known';
  }
}

/** What is told: a queued job that has only moved up is no news, one that is tried again is. */
function signatureOf({ state, attempts, next_attempt_at: nextAttemptAt }: JobBody): string {
  return `${state} ${attempts ?? ''} ${nextAttemptAt ?? ''}`;
}

export function eventText(body: JobBody): string {
  return `event: state\nid: ${body.state}\ndata: ${JSON.stringify(body)}\n\n`;
}

/** Wakes who waits; one that rings while nobody waits is heard by the next wait. */
function createBell() {
  let rung = false;
  let wake: (() => void) | undefined;
  const ring = () => {
    rung = true;
    wake?.();
  };
  return {
    ring,
    /** Resolves after the time, or before that when it rings or the signal fires. */
    async waitFor(timeoutMs: number, signal: AbortSignal): Promise<void> {
      if (!rung && !signal.aborted) {
        const over = Promise.withResolvers<void>();
        wake = over.resolve;
        const timer = setTimeout(over.resolve, timeoutMs);
        signal.addEventListener('abort', ring, { once: true });
        await over.promise;
        clearTimeout(timer);
        signal.removeEventListener('abort', ring);
      }
      rung = false;
    },
  };
}
