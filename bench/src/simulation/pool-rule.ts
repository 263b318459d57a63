import { type Cluster, type PoolSettings, reactionSeconds } from './scenario.ts';

/** A burst that a pool shall take, by its owner's promise. */
export interface BurstPromise {
  readonly steadyPerSecond: number;
  readonly burstPerSecond: number;
  readonly burstSeconds: number;
  /** So long may a job of it wait, and so long after its end may the backlog last. */
  readonly targetWaitSeconds: number;
  /** As measured. */
  readonly pagesPerSecondOfPod: number;
}

export interface PoolPlan {
  readonly pool: PoolSettings;
  /** Shorter, and pods would be taken away while the backlog that they were asked for is still there. */
  readonly scaleDownWindowSeconds: number;
}

const usualWindowSeconds = 300;
/** Of the engines' time in steady hours: at full use any chance makes a queue. */
const steadyUse = 0.75;
/** From a few pods to many takes more than one sync, since they may double in each. */
const rampSeconds = 15;
/** Below it most of the pods would only make up for having come late. */
const leastShareLeft = 0.2;

/**
 * Values for a pool that keeps the promise; undefined when none does: pods that do not run yet are no help to who is to
 * wait for less time than they need to come.
 *
 * The autoscaler asks for as many pods as would read the backlog within the target, had they begun at once and nothing
 * else to do. They begin later by the reaction, and steady jobs go on coming. So `pagesPerSecondPerPod` is set lower than
 * measured, and the autoscaler asks for so many pods more.
 */
export function planPool(promise: BurstPromise, cluster: Cluster): PoolPlan | undefined {
  const { steadyPerSecond, burstPerSecond, burstSeconds, targetWaitSeconds, pagesPerSecondOfPod } = promise;
  const reaction = reactionSeconds(cluster);
  const leftSeconds = targetWaitSeconds - reaction;
  if (leftSeconds < targetWaitSeconds * leastShareLeft) return undefined;
  const minReplicas = Math.ceil(steadyPerSecond / pagesPerSecondOfPod / steadyUse);
  const backlog = Math.max((burstPerSecond - minReplicas * pagesPerSecondOfPod) * burstSeconds, 1);
  const drainPerSecond = backlog / leftSeconds + steadyPerSecond;
  // The autoscaler is content with a tenth too few.
  const needed = drainPerSecond * (1 + cluster.tolerance);
  const pagesPerSecondPerPod = floorTo2(((backlog / targetWaitSeconds) * pagesPerSecondOfPod) / needed);
  const loadPerPod = pagesPerSecondPerPod * targetWaitSeconds;
  // A long burst is read while it lasts: what matters then is its rate, and what came before the first pod did.
  const keepingUp = Math.max(
    burstPerSecond / pagesPerSecondOfPod,
    (burstPerSecond * (reaction + rampSeconds)) / loadPerPod,
  );
  const maxReplicas = minReplicas + Math.ceil(Math.min(backlog / loadPerPod, keepingUp));
  return {
    pool: { minReplicas, maxReplicas, pagesPerSecondPerPod, targetWaitSeconds },
    scaleDownWindowSeconds: Math.max(usualWindowSeconds, targetWaitSeconds),
  };
}

function floorTo2(value: number): number {
  return Math.floor(value * 100) / 100;
}
