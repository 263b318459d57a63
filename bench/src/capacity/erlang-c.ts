/**
 * What is known of M/M/c queues: arrivals by chance, page times by chance, one line before all engines. Page times are
 * less uneven than that, so that waits are shorter in truth.
 */
export interface Load {
  readonly engines: number;
  readonly arrivalsPerSecond: number;
  readonly meanPageSeconds: number;
}

/** How much of the engines' time is used, 0..1; from 1 on the queue grows for ever. */
export function utilization({ engines, arrivalsPerSecond, meanPageSeconds }: Load): number {
  return (arrivalsPerSecond * meanPageSeconds) / engines;
}

/** Erlang's C: the share of jobs that find all engines busy. */
export function shareThatWaits(load: Load): number {
  const used = utilization(load);
  if (used >= 1) return 1;
  const offered = load.arrivalsPerSecond * load.meanPageSeconds;
  // Erlang's B by its recursion, which stays in range for thousands of engines.
  let blocked = 1;
  for (let engines = 1; engines <= load.engines; engines += 1)
    blocked = (offered * blocked) / (engines + offered * blocked);
  return blocked / (1 - used * (1 - blocked));
}

export function meanWaitSeconds(load: Load): number {
  const used = utilization(load);
  if (used >= 1) return Number.POSITIVE_INFINITY;
  return (shareThatWaits(load) * load.meanPageSeconds) / (load.engines * (1 - used));
}

/** The wait that only a share of all jobs (0.05 for the 95th percentile) exceeds. */
export function waitExceededBy(share: number, load: Load): number {
  const used = utilization(load);
  if (used >= 1) return Number.POSITIVE_INFINITY;
  const ratePerSecond = (load.engines * (1 - used)) / load.meanPageSeconds;
  return Math.max(0, Math.log(shareThatWaits(load) / share) / ratePerSecond);
}
