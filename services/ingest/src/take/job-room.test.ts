import type { JobState } from '@glyphmill/core/store';
import { expect, test } from 'vitest';
import { JobRoom } from './job-room.ts';

function setUp({ others = 0 } = {}) {
  const jobs = new Map<string, JobState>();
  let now = 0;
  let questions = 0;
  const isOpen = (state: JobState | undefined) => state === 'queued' || state === 'active';
  const room = new JobRoom({
    store: {
      async countUnfinished() {
        questions += 1;
        return others + [...jobs.values()].filter(isOpen).length;
      },
      states: async (ids) => new Map(ids.flatMap((id) => (jobs.has(id) ? [[id, jobs.get(id)!]] : []))),
      unfinishedInboxJobs: async () => [...jobs.keys()].filter((id) => isOpen(jobs.get(id))),
    },
    queueLimit: 20,
    ownLimit: 4,
    now: () => now,
  });
  const make = (id: string) => {
    jobs.set(id, 'queued');
    room.made([id]);
  };
  return { room, jobs, make, pass: (ms: number) => (now += ms), questions: () => questions };
}

test('there is room for a few jobs at once, and again when some have ended or were deleted', async () => {
  const { room, jobs, make, pass } = setUp();
  expect(await room.free()).toBe(4);
  for (const id of ['a', 'b', 'c', 'd']) make(id);
  expect(await room.free()).toBe(0);
  jobs.set('a', 'succeeded');
  jobs.set('b', 'active');
  jobs.delete('c');
  pass(500);
  expect(await room.free()).toBe(2);
});

test('others have filled the queue', async () => {
  const { room } = setUp({ others: 18 });
  expect(await room.free()).toBe(2);
});

test('jobs of a former process count', async () => {
  const { room, jobs } = setUp();
  jobs.set('old', 'active');
  jobs.set('older', 'failed');
  expect(await room.free()).toBe(3);
});

test('the store is asked now and then, and not for each file', async () => {
  const { room, make, pass, questions } = setUp();
  await room.free();
  make('a');
  expect(await room.free()).toBe(3);
  expect(questions()).toBe(1);
  pass(500);
  await room.free();
  expect(questions()).toBe(2);
});
