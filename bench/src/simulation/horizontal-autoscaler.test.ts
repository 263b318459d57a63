import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AutoscalerOptions,
  defaultScaleUp,
  HorizontalAutoscaler,
  type ScalingRules,
} from './horizontal-autoscaler.ts';

const atOnce: ScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100_000, periodSeconds: 15 }],
};
const downAtOnce: ScalingRules = { ...atOnce, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };
const unlimited: AutoscalerOptions = {
  minReplicas: 1,
  maxReplicas: 1_000,
  tolerance: 0.1,
  scaleUp: atOnce,
  scaleDown: downAtOnce,
};
const autoscaler = (options: Partial<AutoscalerOptions> = {}) => new HorizontalAutoscaler({ ...unlimited, ...options });
const load = (value: number, averageTarget: number) => [{ value, averageTarget }];

/** Replicas after each sync, one every `everySeconds`. */
function follow(
  options: Partial<AutoscalerOptions>,
  from: number,
  values: readonly number[],
  everySeconds = 15,
): number[] {
  const scaler = autoscaler(options);
  let replicas = from;
  return values.map((value, index) => (replicas = scaler.sync(index * everySeconds, replicas, load(value, 1))));
}

describe('the ratio', () => {
  test('of 200 against 100 doubles the replicas, 50 halves them', () => {
    expect(autoscaler().sync(0, 4, load(4 * 200, 100))).toBe(8);
    expect(autoscaler().sync(0, 4, load(4 * 50, 100))).toBe(2);
  });

  test('is rounded up', () => {
    expect(autoscaler().sync(0, 3, load(401, 100))).toBe(5);
  });

  test.each([
    [0.89, 9],
    [0.91, 10],
    [1.09, 10],
    [1.11, 12],
  ])('%f of ten replicas leaves %i: within a tenth nothing changes', (ratio, expected) => {
    expect(autoscaler().sync(0, 10, load(ratio * 1_000, 100))).toBe(expected);
  });

  test('of several metrics counts that asks for most', () => {
    const metrics = [...load(100, 100), ...load(700, 100), ...load(300, 100)];
    expect(autoscaler().sync(0, 2, metrics)).toBe(7);
  });

  test('never leaves the bounds', () => {
    const bounded = { minReplicas: 3, maxReplicas: 6 };
    expect(autoscaler(bounded).sync(0, 3, load(0, 100))).toBe(3);
    expect(autoscaler(bounded).sync(0, 3, load(5_000, 100))).toBe(6);
    expect(autoscaler(bounded).sync(0, 9, load(900, 100))).toBe(6);
  });
});

describe('rules for growing', () => {
  test('by default: four pods or twice as many within 15 s, whichever is more', () => {
    expect(follow({ scaleUp: defaultScaleUp }, 1, [100, 100, 100, 100, 100, 100])).toEqual([5, 10, 20, 40, 80, 100]);
  });

  test('the smaller of two policies', () => {
    expect(follow({ scaleUp: { ...defaultScaleUp, selectPolicy: 'Min' } }, 10, [100, 100, 100])).toEqual([14, 18, 22]);
  });

  test('a policy counts what was added within its period', () => {
    const scaleUp: ScalingRules = { ...atOnce, policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] };
    expect(follow({ scaleUp }, 2, [100, 100, 100, 100, 100, 100])).toEqual([6, 6, 6, 6, 10, 10]);
  });

  test('a window takes the smallest that was asked for in it', () => {
    const scaleUp: ScalingRules = { ...atOnce, stabilizationWindowSeconds: 60 };
    expect(follow({ scaleUp }, 2, [2, 10, 10, 8, 10, 10, 10])).toEqual([2, 2, 2, 2, 8, 8, 8]);
  });
});

describe('rules for shrinking', () => {
  test('the largest that was asked for within the window of five minutes holds', () => {
    const scaleDown: ScalingRules = { ...downAtOnce, stabilizationWindowSeconds: 300 };
    const asked = [10, ...Array.from({ length: 25 }, () => 2)];
    const replicas = follow({ scaleDown }, 10, asked);
    expect(replicas.slice(0, 20)).toEqual(Array.from({ length: 20 }, () => 10));
    expect(replicas[20]).toBe(2);
  });

  test('one pod a minute', () => {
    const scaleDown: ScalingRules = { ...downAtOnce, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] };
    const asked = Array.from({ length: 13 }, () => 1);
    expect(follow({ scaleDown }, 5, asked)).toEqual([4, 4, 4, 4, 3, 3, 3, 3, 2, 2, 2, 2, 1]);
  });

  test('a tenth within a minute, rounded down, so that the last ones go too', () => {
    const scaleDown: ScalingRules = { ...downAtOnce, policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }] };
    expect(follow({ scaleDown }, 80, [1, 1, 1], 60)).toEqual([72, 64, 57]);
  });

  test('pods that were just added are no reason to go below what was there before them', () => {
    const scaleDown: ScalingRules = { ...downAtOnce, policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }] };
    // From 5 to 20 and back within the minute: down to 4, one less than at its beginning.
    expect(follow({ scaleDown }, 5, [20, 1, 1])).toEqual([20, 4, 4]);
  });
});

test('whatever is asked, replicas stay in their bounds and shrink by one a minute at most', () => {
  const scaleDown: ScalingRules = {
    stabilizationWindowSeconds: 120,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
  };
  fc.assert(
    fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 80 }), (values) => {
      const replicas = follow({ minReplicas: 3, maxReplicas: 40, scaleUp: defaultScaleUp, scaleDown }, 3, values);
      for (const [index, count] of replicas.entries()) {
        expect(count).toBeGreaterThanOrEqual(3);
        expect(count).toBeLessThanOrEqual(40);
        const aMinuteAgo = replicas[Math.max(index - 4, 0)] ?? 3;
        const grew = replicas
          .slice(Math.max(index - 3, 1), index + 1)
          .some((now, at, all) => now > (all[at - 1] ?? now));
        if (!grew) expect(count).toBeGreaterThanOrEqual(aMinuteAgo - 1);
      }
    }),
  );
});
