import { describe, expect, test } from 'vitest';
import { type ContainerState, describePod, phaseOf, type PodStatus } from './pod-status.ts';
import type { Pod, PodSpec } from './pod-types.ts';

const spec = { name: 'c', image: 'i' };
const waiting: ContainerState = { spec, restarts: 0, isStarted: false, isReady: false };
const running: ContainerState = { ...waiting, startedAt: 'then', isStarted: true, isReady: true };
const ended = (code: number | null): ContainerState => ({
  ...running,
  isReady: false,
  finishedAt: 'now',
  exit: { code, signal: code === null ? 'SIGKILL' : null },
});
const podOf = (restartPolicy: NonNullable<PodSpec['restartPolicy']>): Pod => ({
  metadata: { name: 'p', namespace: 'n' },
  spec: { restartPolicy, containers: [spec] },
});

test.each([
  ['Always', waiting, 'Pending'],
  ['Always', running, 'Running'],
  ['Always', ended(1), 'Running'],
  ['Never', ended(0), 'Succeeded'],
  ['Never', ended(1), 'Failed'],
  ['OnFailure', ended(1), 'Running'],
] as const)('restarted %s, a container in state %o makes the pod %s', (restartPolicy, container, phase) => {
  expect(phaseOf({ pod: podOf(restartPolicy), init: [], containers: [container] })).toBe(phase);
});

describe('describePod', () => {
  const about = {
    pod: podOf('Always'),
    podIp: '10.0.0.1',
    hostIp: '10.0.0.2',
    startTime: 'then',
    init: [],
    before: [],
  };
  const readiness = ({ conditions }: PodStatus) => conditions.find(({ type }) => type === 'Ready')?.status;

  test('is ready as long as its containers are and nobody ends it', () => {
    expect(readiness(describePod({ ...about, containers: [running], isEnding: false }))).toBe('True');
    expect(readiness(describePod({ ...about, containers: [running], isEnding: true }))).toBe('False');
    const unready = { ...running, isReady: false };
    expect(readiness(describePod({ ...about, containers: [running, unready], isEnding: false }))).toBe('False');
  });

  test('a condition that goes on keeps the time at which it began', () => {
    const before = [{ type: 'Ready', status: 'True', lastTransitionTime: 'long ago' } as const];
    const timeOf = (isReady: boolean) =>
      describePod({ ...about, containers: [{ ...running, isReady }], isEnding: false, before }).conditions.find(
        ({ type }) => type === 'Ready',
      )?.lastTransitionTime;
    expect(timeOf(true)).toBe('long ago');
    expect(timeOf(false)).not.toBe('long ago');
  });

  test('says how a container was killed', () => {
    const status = describePod({ ...about, containers: [ended(null)], isEnding: true });
    expect(status).toMatchObject({
      containerStatuses: [{ state: { terminated: { exitCode: 137, reason: 'Error' } } }],
    });
  });
});
