import { expect, test } from 'vitest';
import { OcrError } from '../errors.ts';
import { toDurablePayload } from './durable-payload.ts';
import type { QueueEntry } from './job-queue.ts';
import type { Lane } from './payload.ts';
import { createJobSender } from './job-sender.ts';

const source = { kind: 'url', url: 'https://example.com/' } as const;
const entries = (count: number): QueueEntry[] =>
  Array.from({ length: count }, (_, n) => ({ payload: toDurablePayload({ id: String(n), generation: 0, source }, 0) }));

function createTestSender(enqueueMany: (lane: Lane, entries: readonly QueueEntry[]) => Promise<void>) {
  const work: Promise<void>[] = [];
  const cleanUps = {
    track(one: Promise<void>) {
      work.push(one);
      return one;
    },
  };
  const lines: unknown[] = [];
  const logger = { warn: (fields: unknown) => void lines.push(fields) };
  let givenUp = 0;
  const onGivenUp = (jobs: number) => (givenUp += jobs);
  const sender = createJobSender({ queue: { enqueueMany }, logger, cleanUps, onGivenUp });
  return { sender, settled: () => Promise.all(work), lines, givenUp: () => givenUp };
}

test('what is accepted at the same time goes together, one flight a lane at a time', async () => {
  const flights: [Lane, number][] = [];
  const open: Record<Lane, number> = { interactive: 0, bulk: 0 };
  const { sender } = createTestSender(async (lane, sent) => {
    expect(++open[lane]).toBe(1);
    flights.push([lane, sent.length]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open[lane]--;
  });
  const first = Array.from({ length: 10 }, () => sender.send('bulk', entries(1)));
  const other = sender.send('interactive', entries(2));
  await Promise.race(first);
  await Promise.all([...first, other, ...Array.from({ length: 3 }, () => sender.send('bulk', entries(600)))]);
  expect(flights.filter(([lane]) => lane === 'interactive')).toEqual([['interactive', 2]]);
  expect(flights.filter(([lane]) => lane === 'bulk').map(([, size]) => size)).toEqual([10, 600, 600, 600]);
});

test('what cannot be sent is given up, told once a flight, and nobody waits for it', async () => {
  const { sender, settled, lines, givenUp } = createTestSender(() =>
    Promise.reject(new OcrError('queue_unavailable', 'Away')),
  );
  await Promise.all([sender.send('bulk', entries(3)), sender.send('bulk', entries(4))]);
  await settled();
  expect(givenUp()).toBe(7);
  expect(lines).toMatchObject([{ jobs: 7, reason: 'queue_unavailable' }]);
});

test('a queue that hangs takes no more than a bounded number of jobs', async () => {
  const hang = Promise.withResolvers<void>();
  const { sender, givenUp } = createTestSender(() => hang.promise);
  const sends = Array.from({ length: 30 }, () => sender.send('bulk', entries(1000)));
  expect(givenUp()).toBe(10_000);
  hang.resolve();
  await Promise.all(sends);
  expect(givenUp()).toBe(10_000);
});
