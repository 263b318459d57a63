import type { Exit } from './logged-process.ts';
import type { Condition, Container, Pod } from './pod-types.ts';

/** What is known of one container: waiting (no process yet), running, or ended. */
export interface ContainerState {
  readonly spec: Container;
  readonly waitingFor?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exit?: Exit;
  readonly restarts: number;
  /** Its startup probe has succeeded. */
  readonly isStarted: boolean;
  readonly isReady: boolean;
}

export interface StatusOptions {
  readonly pod: Pod;
  readonly podIp: string;
  readonly hostIp: string;
  readonly startTime: string;
  readonly init: readonly ContainerState[];
  readonly containers: readonly ContainerState[];
  /** Its processes have been asked to end. */
  readonly isEnding: boolean;
  /** As they were reported last: they remember when they became what they are. */
  readonly before: readonly Condition[];
}

export interface PodStatus {
  readonly phase: Phase;
  readonly hostIP: string;
  readonly podIP: string;
  readonly podIPs: readonly { readonly ip: string }[];
  readonly startTime: string;
  readonly conditions: readonly Condition[];
  readonly initContainerStatuses?: readonly object[];
  readonly containerStatuses: readonly object[];
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** What a kubelet reports of a pod, ready for the status subresource. */
export function describePod(options: StatusOptions): PodStatus {
  const { podIp, hostIp, startTime, init, containers, isEnding, before } = options;
  const phase = phaseOf(options);
  const isInitialized = init.every(({ exit }) => exit?.code === 0);
  const isReady = phase === 'Running' && !isEnding && containers.every((container) => container.isReady);
  const conditions = { PodScheduled: true, Initialized: isInitialized, ContainersReady: isReady, Ready: isReady };
  return {
    phase,
    hostIP: hostIp,
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    startTime,
    conditions: Object.entries(conditions).map(([type, holds]) => describeCondition(type, holds, before)),
    ...(init.length > 0 && { initContainerStatuses: init.map(describeContainer) }),
    containerStatuses: containers.map(describeContainer),
  };
}

export function phaseOf({ pod, init, containers }: Pick<StatusOptions, 'pod' | 'init' | 'containers'>): Phase {
  const restarts = pod.spec.restartPolicy ?? 'Always';
  if (init.some(({ exit }) => exit !== undefined && exit.code !== 0) && restarts === 'Never') return 'Failed';
  if (containers.every(({ startedAt }) => startedAt === undefined)) return 'Pending';
  const haveEnded = containers.every(({ exit }) => exit !== undefined);
  if (restarts === 'Always' || !haveEnded) return 'Running';
  if (containers.every(({ exit }) => exit?.code === 0)) return 'Succeeded';
  return restarts === 'Never' ? 'Failed' : 'Running';
}

function describeCondition(type: string, holds: boolean, before: readonly Condition[]): Condition {
  const status = holds ? 'True' : 'False';
  const last = before.find((condition) => condition.type === type);
  const isSame = last?.status === status;
  return { type, status, lastTransitionTime: (isSame && last.lastTransitionTime) || new Date().toISOString() };
}

function describeContainer(state: ContainerState): object {
  const { spec, restarts, isReady, isStarted } = state;
  return {
    name: spec.name,
    image: spec.image,
    imageID: '',
    containerID: '',
    ready: isReady,
    started: isStarted,
    restartCount: restarts,
    state: describeState(state),
  };
}

function describeState({ waitingFor, startedAt, finishedAt, exit }: ContainerState): object {
  if (exit !== undefined) {
    // As a shell would say it, where a signal has ended it.
    const exitCode = exit.code ?? (exit.signal === 'SIGKILL' ? 137 : 143);
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    return { terminated: { exitCode, reason, startedAt, finishedAt } };
  }
  if (startedAt !== undefined) return { running: { startedAt } };
  return { waiting: { reason: waitingFor ?? 'ContainerCreating' } };
}
