import { describe, expect, test } from 'vitest';
import type { Lane } from '@glyphmill/core/queue';
import { EngineGate } from './engine-gate.ts';

const never = new AbortController().signal;
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

function openGate(slots: number) {
  const gate = new EngineGate(slots);
  const inside = new Map<string, () => void>();
  const order: string[] = [];
  return {
    gate,
    order,
    async enter(name: string, lane: Lane = 'interactive', alone = false) {
      void gate.enter({ lane, alone, signal: never }).then((leave) => {
        order.push(name);
        inside.set(name, leave);
      });
      await settled();
    },
    async leave(name: string) {
      inside.get(name)?.();
      inside.delete(name);
      await settled();
    },
    inside: () => [...inside.keys()].toSorted(),
  };
}

describe('EngineGate', () => {
  test('lets in as many as there are engines, interactive before bulk, else in order', async () => {
    const { enter, leave, inside, order } = openGate(2);
    for (const name of ['b1', 'b2', 'b3', 'b4']) await enter(name, 'bulk');
    await enter('i1');
    await enter('i2');
    expect(inside()).toEqual(['b1', 'b2']);
    await leave('b1');
    expect(inside()).toEqual(['b2', 'i1']);
    await leave('b2');
    await leave('i1');
    await leave('i2');
    expect(order).toEqual(['b1', 'b2', 'i1', 'i2', 'b3', 'b4']);
  });

  test('a page that runs alone waits for all others, goes before those that wait, and keeps all out', async () => {
    const { enter, leave, inside } = openGate(2);
    await enter('first');
    await enter('alone', 'bulk', true);
    await enter('late');
    expect(inside()).toEqual(['first']);
    await leave('first');
    expect(inside()).toEqual(['alone']);
    await leave('alone');
    expect(inside()).toEqual(['late']);
  });

  test('two that run alone run one after the other', async () => {
    const { enter, leave, inside } = openGate(2);
    await enter('one', 'bulk', true);
    await enter('two', 'bulk', true);
    expect(inside()).toEqual(['one']);
    await leave('one');
    expect(inside()).toEqual(['two']);
  });

  test('who gives up no longer blocks the others', async () => {
    const { gate, enter, inside } = openGate(2);
    await enter('first');
    const controller = new AbortController();
    const alone = gate.enter({ lane: 'bulk', alone: true, signal: controller.signal });
    await enter('second');
    expect(inside()).toEqual(['first']);
    controller.abort('canceled');
    await expect(alone).rejects.toMatchObject({ name: 'AbortError' });
    await settled();
    expect(inside()).toEqual(['first', 'second']);
    await expect(gate.enter({ lane: 'bulk', alone: false, signal: controller.signal })).rejects.toThrow();
  });
});
