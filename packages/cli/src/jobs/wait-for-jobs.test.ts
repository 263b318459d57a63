import { describe, expect, test } from 'vitest';
import { ApiError } from './api-error.ts';
import type { JobClient } from './job-client.ts';
import type { Job, JobState } from './job-schema.ts';
import { waitForJobs, type WaitEvent, type Watched } from './wait-for-jobs.ts';

type Answer = JobState | 'unknown' | 'away' | 'unauthorized';

/** What the API says of each job, question after question; the last answer stays. */
function scripted(script: Readonly<Record<string, readonly Answer[]>>): Pick<JobClient, 'get' | 'list'> {
  const asked = new Map<string, number>();
  const answer = (id: string): Job | undefined => {
    const answers = script[id] ?? ['unknown'];
    const count = asked.get(id) ?? 0;
    asked.set(id, count + 1);
    const said = answers[Math.min(count, answers.length - 1)]!;
    if (said === 'away') throw new ApiError('api_unreachable', 'Nobody is there');
    if (said === 'unauthorized') throw new ApiError('unauthorized', 'Who are you?', { status: 401 });
    return said === 'unknown' ? undefined : { id, state: said };
  };
  return {
    async get(id) {
      const job = answer(id);
      if (job === undefined) throw new ApiError('job_not_found', 'No such job', { status: 404 });
      return job;
    },
    async *list({ batch }) {
      yield Object.keys(script).flatMap((id) => (id.startsWith(`${batch}-`) ? (answer(id) ?? []) : []));
    },
  };
}

async function wait(
  watched: readonly Watched[],
  script: Readonly<Record<string, readonly Answer[]>>,
  signal = new AbortController().signal,
) {
  const events: string[] = [];
  const describeEvent = (event: WaitEvent) => {
    if (event.kind === 'ended') return `${event.job.id} ${event.job.state}`;
    return event.kind === 'lost' ? `${event.id} ${event.failure.code}` : `${event.id} still ${event.state}`;
  };
  for await (const event of waitForJobs(watched, { client: scripted(script), signal, firstPauseMs: 1 })) {
    events.push(describeEvent(event));
  }
  return events;
}

const job = (id: string): Watched => ({ kind: 'job', id });
const batch = (id: string): Watched => ({ kind: 'batch', id });

describe('waitForJobs', () => {
  test('tells of each job once, when it has ended', async () => {
    const events = await wait([batch('b'), job('a'), job('b-1')], {
      a: ['queued', 'active', 'failed'],
      'b-1': ['queued', 'succeeded'],
      'b-2': ['active', 'active', 'active', 'canceled'],
    });
    expect(events.toSorted()).toEqual(['a failed', 'b-1 succeeded', 'b-2 canceled']);
  });

  test('many, in the order of their ends', async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `j${index}`);
    const script = Object.fromEntries(ids.map((id): [string, Answer[]] => [id, ['queued', 'succeeded']]));
    expect(await wait(ids.map(job), script)).toEqual(ids.map((id) => `${id} succeeded`));
  });

  test('what is unknown, or forgotten meanwhile, is not waited for', async () => {
    const script = { a: ['queued', 'unknown'], 'b-1': ['queued', 'unknown'], 'b-2': ['succeeded'] } as const;
    expect((await wait([job('x'), job('a'), batch('b'), batch('c')], script)).toSorted()).toEqual([
      'a job_not_found',
      'b-1 job_not_found',
      'b-2 succeeded',
      'c job_not_found',
      'x job_not_found',
    ]);
  });

  test('bears with an API that is away for a while', async () => {
    expect(await wait([job('a')], { a: ['away', 'queued', 'away', 'away', 'succeeded'] })).toEqual(['a succeeded']);
  });

  test('ends at once when it is not wanted', async () => {
    await expect(wait([job('a')], { a: ['queued', 'unauthorized'] })).rejects.toMatchObject({ code: 'unauthorized' });
  });

  test('when the time is over, tells what has not ended', async () => {
    const script = { a: ['active'], 'b-1': ['queued'], 'b-2': ['succeeded'] } as const;
    expect(await wait([job('a'), batch('b')], script, AbortSignal.timeout(50))).toEqual([
      'b-2 succeeded',
      'a still active',
      'b-1 still queued',
    ]);
    expect(await wait([job('a')], script, AbortSignal.abort())).toEqual(['a still undefined']);
  });
});
