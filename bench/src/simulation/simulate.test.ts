import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { meanWaitSeconds, shareThatWaits, waitExceededBy } from '../capacity/erlang-c.ts';
import { percentile } from '../percentile.ts';
import { allAtOnce, steadily, together } from './arrivals.ts';
import { defaultScaleUp, type ScalingRules } from './horizontal-autoscaler.ts';
import { createRandom } from './random.ts';
import { asMeasured, exponentialTimes } from './service-times.ts';
import { simulate, type ScalingOptions, type SimulationOptions } from './simulate.ts';
import type { SimulatedJob } from './simulated-job.ts';

const oneByOne: Omit<SimulationOptions, 'arrivals' | 'serviceTimes' | 'pods'> = {
  seed: 1,
  seconds: 1_000,
  enginesPerPod: 1,
  jobsPerEngine: 1,
  podStartSeconds: 60,
  drainGraceSeconds: 25,
  sampleSeconds: 60,
};
const waitOf = ({ arrivedAt, startedAt = Number.NaN }: SimulatedJob): number => startedAt - arrivedAt;
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const ofLane = (jobs: readonly SimulatedJob[], lane: string) => jobs.filter((job) => job.lane === lane);

/** Within so much of each other, as a share. */
function expectNear(seen: number, known: number, share: number): void {
  expect(Math.abs(seen - known) / known, `${seen} instead of ${known}`).toBeLessThan(share);
}

describe.each([
  { engines: 1, used: 0.5 },
  { engines: 4, used: 0.7 },
  { engines: 12, used: 0.8 },
])('a fixed pool of $engines engines, $used of their time used, against Erlang', ({ engines, used }) => {
  const meanPageSeconds = 2;
  const seconds = (60_000 * meanPageSeconds) / (engines * used);
  const result = simulate({
    ...oneByOne,
    seconds,
    arrivals: { bulk: steadily(createRandom(engines), (engines * used) / meanPageSeconds) },
    serviceTimes: exponentialTimes(meanPageSeconds),
    pods: engines,
    sampleSeconds: 100_000,
  });
  const waits = result.finished.map(waitOf);
  // Chance has made them a little other than asked for, and near saturation a little is much.
  const known = {
    engines,
    arrivalsPerSecond: result.arrived / seconds,
    meanPageSeconds: mean(result.finished.map(({ serviceSeconds }) => serviceSeconds)),
  };

  test('mean wait', () => {
    expectNear(mean(waits), meanWaitSeconds(known), 0.1);
  });

  test('share of jobs that wait at all', () => {
    expectNear(waits.filter((wait) => wait > 1e-9).length / waits.length, shareThatWaits(known), 0.04);
  });

  test('95th percentile of the wait', () => {
    expectNear(percentile(waits, 0.95), waitExceededBy(0.05, known), 0.1);
  });

  test("Little's law: jobs in the system = rate × time in it", () => {
    const sojourns = result.finished.map(({ arrivedAt, endedAt = Number.NaN }) => endedAt - arrivedAt);
    expectNear(result.meanJobsInSystem, known.arrivalsPerSecond * mean(sojourns), 0.01);
  });
});

describe('workers that hold jobs in advance', () => {
  const run = (jobsPerEngine: number) =>
    simulate({
      ...oneByOne,
      jobsPerEngine,
      seconds: 6_000,
      arrivals: { bulk: steadily(createRandom(3), 3.2) },
      serviceTimes: exponentialTimes(1),
      pods: 4,
    });

  test('make some jobs wait for a busy engine while another is idle, and no engine read less', () => {
    const [ideal, real] = [run(1), run(2)];
    expect(real.finished.length).toBe(ideal.finished.length);
    expect(mean(real.finished.map(waitOf))).toBeGreaterThan(mean(ideal.finished.map(waitOf)));
    expect(mean(real.finished.map(waitOf))).toBeLessThan(2 * mean(ideal.finished.map(waitOf)));
  });
});

describe('two lanes', () => {
  const { finished } = simulate({
    ...oneByOne,
    seconds: 20_000,
    jobsPerEngine: 2,
    arrivals: { interactive: steadily(createRandom(5), 0.6), bulk: allAtOnce(4_000, 10) },
    serviceTimes: asMeasured([1_000]),
    pods: 1,
  });

  test('interactive jobs overtake a backlog', () => {
    const interactive = ofLane(finished, 'interactive').filter(({ arrivedAt }) => arrivedAt < 4_000);
    expect(percentile(interactive.map(waitOf), 0.95)).toBeLessThan(10);
  });

  test('the backlog gets a page of four or more', () => {
    const bulk = ofLane(finished, 'bulk');
    expect(bulk).toHaveLength(4_000);
    // Of 1 page/s interactive jobs take 0.6, and bulk all that they leave.
    expectNear(Math.max(...bulk.map(({ endedAt = 0 }) => endedAt)), 10 + 4_000 / 0.4, 0.05);
  });
});

test('bulk gets its fourth page while interactive jobs come faster than they are read', () => {
  const { finished } = simulate({
    ...oneByOne,
    seconds: 4_000,
    arrivals: { interactive: steadily(createRandom(5), 2), bulk: allAtOnce(500, 0) },
    serviceTimes: asMeasured([1_000]),
    pods: 1,
  });
  const until = 1_900;
  const bulk = ofLane(finished, 'bulk').filter(({ endedAt = Infinity }) => endedAt < until);
  expectNear(bulk.length, until / 4, 0.02);
});

test('callers are refused whose wait is estimated to be too long, and who is let in waits no longer', () => {
  const { finished, refused, arrived } = simulate({
    ...oneByOne,
    seconds: 2_000,
    arrivals: { interactive: steadily(createRandom(9), 3) },
    serviceTimes: asMeasured([1_000]),
    pods: 2,
    admitWithinSeconds: 30,
  });
  expect(finished.length + refused).toBe(arrived);
  expectNear(refused, 2_000, 0.1);
  expect(Math.max(...finished.map(waitOf))).toBeLessThan(32);
});

const onePodAMinute: ScalingRules = {
  stabilizationWindowSeconds: 120,
  selectPolicy: 'Max',
  policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
};
const scaling: ScalingOptions = {
  minReplicas: 2,
  maxReplicas: 20,
  tolerance: 0.1,
  scaleUp: defaultScaleUp,
  scaleDown: onePodAMinute,
  scrapeSeconds: 15,
  syncSeconds: 15,
  averageTarget: 60,
};

describe('a pool that is scaled', () => {
  const result = simulate({
    ...oneByOne,
    seconds: 4_000,
    jobsPerEngine: 2,
    arrivals: { bulk: together(steadily(createRandom(1), 1), allAtOnce(600, 500)) },
    serviceTimes: asMeasured([500, 1_000, 1_500]),
    pods: scaling,
    sampleSeconds: 5,
  });
  const replicasAt = (from: number, to: number) =>
    result.samples.filter(({ atSeconds }) => atSeconds >= from && atSeconds < to).map(({ replicas }) => replicas);

  test('grows within a look of Prometheus and a sync of the autoscaler, as far as the backlog asks', () => {
    expect(Math.max(...replicasAt(0, 500))).toBeLessThanOrEqual(2);
    expect(Math.max(...replicasAt(530, 540))).toBeGreaterThan(2);
    // 600 jobs at 60 for each pod.
    expect(Math.max(...replicasAt(530, 700))).toBeGreaterThanOrEqual(10);
    expect(Math.max(...replicasAt(530, 700))).toBeLessThanOrEqual(11);
  });

  test('pods take jobs only once they have started', () => {
    const first = result.samples.find(({ replicas }) => replicas > 2)?.atSeconds ?? 0;
    const ready = result.samples.find(({ readyPods }) => readyPods > 2)?.atSeconds ?? 0;
    expect(ready - first).toBeGreaterThanOrEqual(55);
    expect(ready - first).toBeLessThanOrEqual(65);
  });

  test('shrinks by one a minute to where it came from, and loses nothing', () => {
    expect(result.samples.at(-1)?.replicas).toBe(2);
    expect(result.finished).toHaveLength(result.arrived);
    const cut = result.finished.filter(
      ({ startedAt = 0, serviceSeconds, endedAt = 0 }) => Math.abs(endedAt - startedAt - serviceSeconds) > 1e-6,
    );
    expect(cut).toEqual([]);
  });
});

test('a pod that has to go gives back what it cannot finish in time, and that is read first elsewhere', () => {
  const { finished, arrived } = simulate({
    ...oneByOne,
    seconds: 3_000,
    jobsPerEngine: 2,
    drainGraceSeconds: 5,
    arrivals: { bulk: together(allAtOnce(400, 0), steadily(createRandom(2), 0.08)) },
    serviceTimes: asMeasured([20_000]),
    pods: { ...scaling, scaleDown: { ...onePodAMinute, stabilizationWindowSeconds: 0 }, averageTarget: 20 },
  });
  expect(finished).toHaveLength(arrived);
  const givenBack = finished.filter(({ timesGivenBack }) => timesGivenBack > 0);
  expect(givenBack.length).toBeGreaterThan(0);
});

test('whatever comes, each job ends once and after it came, and no pool forgets one', () => {
  const job = fc.record({ interactive: fc.double({ min: 0, max: 2, noNaN: true }), bulk: fc.nat(300) });
  fc.assert(
    fc.property(job, fc.nat(), fc.integer({ min: 1, max: 3 }), ({ interactive, bulk }, seed, jobsPerEngine) => {
      const { finished, arrived, refused } = simulate({
        ...oneByOne,
        seed,
        seconds: 600,
        jobsPerEngine,
        enginesPerPod: 2,
        arrivals: { interactive: steadily(createRandom(seed), interactive), bulk: allAtOnce(bulk, 100) },
        serviceTimes: asMeasured([200, 900, 4_000]),
        pods: { ...scaling, averageTarget: 30 },
        admitWithinSeconds: 30,
      });
      expect(finished.length + refused).toBe(arrived);
      expect(new Set(finished).size).toBe(finished.length);
      const outOfOrder = finished.filter(
        ({ arrivedAt, startedAt = -1, endedAt = -1 }) => startedAt < arrivedAt || endedAt <= startedAt,
      );
      expect(outOfOrder).toEqual([]);
    }),
    { numRuns: 25, seed: 20_261_127 },
  );
});

test('the same seed gives the same run', () => {
  const run = () =>
    simulate({
      ...oneByOne,
      arrivals: { bulk: steadily(createRandom(1), 1) },
      serviceTimes: asMeasured([500, 1_500]),
      pods: scaling,
    });
  expect(run()).toEqual(run());
});
