import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from './event-queue.ts';

function takeAll<T>(queue: EventQueue<T>): { atSeconds: number; event: T }[] {
  const taken = [];
  for (let next = queue.takeSoonest(); next !== undefined; next = queue.takeSoonest()) {
    taken.push({ atSeconds: next.atSeconds, event: next.event });
  }
  return taken;
}

test('gives what was added, soonest first, and of one time in the order of adding', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20)), (times) => {
      const queue = new EventQueue<number>();
      for (const [index, at] of times.entries()) queue.add(at, index);
      const expected = times.map((atSeconds, event) => ({ atSeconds, event }));
      expect(takeAll(queue)).toEqual(expected.toSorted((a, b) => a.atSeconds - b.atSeconds || a.event - b.event));
      expect(queue.size).toBe(0);
    }),
  );
});

test('stays in order while events are added between takings', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(50), { maxLength: 4 })), (rounds) => {
      const queue = new EventQueue<number>();
      const model: number[] = [];
      for (const added of rounds) {
        for (const at of added) queue.add(at, at);
        model.push(...added);
        model.sort((a, b) => a - b);
        expect(queue.takeSoonest()?.event).toBe(model.shift());
      }
    }),
  );
});
