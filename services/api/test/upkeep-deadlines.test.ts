import { createJobNotices, type JobNotices } from '@glyphmill/core/queue';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createLogRecorder } from '@glyphmill/http/test/log-recorder';
import { eventually, openUpkeepBench, type UpkeepBench } from './upkeep-bench.ts';

let bench: UpkeepBench;
let notices: JobNotices;

beforeEach(async () => {
  bench = await openUpkeepBench();
  notices = createJobNotices({ redisUrl: bench.redis.url, logger: createLogRecorder().logger });
});
afterEach(async () => {
  await notices.close();
  await bench.close();
});

test.each(['waiting', 'gone from the queue', 'active'])(
  'a job that is %s fails at its deadline, and who waits hears of it',
  async (where) => {
    const upkeep = bench.upkeep({ timing: { settleMs: 60_000 } });
    await eventually(() => bench.queue.readEpoch());
    const [id] = await bench.accept({ deadlineAt: Date.now() + 1_000 });
    if (where !== 'gone from the queue') await bench.send(id!);
    const claimed =
      where === 'active'
        ? await bench.store.claim({ id: id!, generation: 0, workerId: 'w', leaseMs: 20_000 })
        : undefined;
    const heard: string[] = [];
    await notices.listen(id!, (state) => heard.push(state));

    await eventually(async () => (await bench.get(id!)).state === 'failed');
    expect((await bench.get(id!)).error).toMatchObject({ code: 'deadline_exceeded' });
    await eventually(() => heard.includes('failed'));
    await eventually(async () => !(await bench.isHeld({ id: id!, generation: 0 })));
    expect(await upkeep.metric('glyphmill_deadlines_expired_total')).toBe(1);
    if (claimed?.kind === 'claimed') {
      const { kind } = await bench.store.claim({ id: id!, generation: 0, workerId: 'v', leaseMs: 1 });
      expect(kind).toBe('ended');
    }
  },
);

test('hundreds at once, and while Redis is away', async () => {
  const upkeep = bench.upkeep();
  await eventually(() => upkeep.isLeading);
  await bench.redis.kill();
  const ids = await bench.accept(...Array.from({ length: 120 }, () => ({ deadlineAt: Date.now() + 100 })));
  const [later] = await bench.accept({ deadlineAt: Date.now() + 600_000 });
  await eventually(async () => [...(await bench.store.states(ids)).values()].every((state) => state === 'failed'));
  expect((await bench.get(later!)).state).toBe('queued');
});
