import type { Random } from './random.ts';

/** When jobs come. */
export interface Arrivals {
  /** The first arrival after a time, in seconds; Infinity when none comes any more. Ask with times that do not fall. */
  next(afterSeconds: number): number;
}

/** A rate that holds from a time until another. */
export interface RatePeriod {
  readonly perSecond: number;
  readonly untilSeconds: number;
}

/**
 * Arrivals by chance (Poisson), at a rate that changes in steps. `rateAt` is asked with times that do not fall. Chance
 * has no memory, so that what was drawn at an old rate is simply drawn anew where the rate changes.
 */
export function arriveByChance(random: Random, rateAt: (atSeconds: number) => RatePeriod): Arrivals {
  return {
    next(afterSeconds) {
      let from = afterSeconds;
      while (from < Number.POSITIVE_INFINITY) {
        const { perSecond, untilSeconds } = rateAt(from);
        const at = perSecond > 0 ? from + random.exponential(1 / perSecond) : Number.POSITIVE_INFINITY;
        if (at < untilSeconds) return at;
        from = untilSeconds;
      }
      return Number.POSITIVE_INFINITY;
    },
  };
}

export function steadily(random: Random, perSecond: number): Arrivals {
  return arriveByChance(random, () => ({ perSecond, untilSeconds: Number.POSITIVE_INFINITY }));
}

export interface Burst {
  readonly steadyPerSecond: number;
  readonly burstPerSecond: number;
  readonly fromSeconds: number;
  readonly untilSeconds: number;
}

/** Steady but for one burst. */
export function withBurst(random: Random, burst: Burst): Arrivals {
  const { steadyPerSecond, burstPerSecond, fromSeconds, untilSeconds } = burst;
  return arriveByChance(random, (at) => {
    if (at < fromSeconds) return { perSecond: steadyPerSecond, untilSeconds: fromSeconds };
    if (at < untilSeconds) return { perSecond: burstPerSecond, untilSeconds };
    return { perSecond: steadyPerSecond, untilSeconds: Number.POSITIVE_INFINITY };
  });
}

export interface Weather {
  readonly perSecond: number;
  /** How long it lasts on average; by chance, too. */
  readonly meanSeconds: number;
}

/** Calm and busy times in turns, each as long as chance will have it (a Markov-modulated Poisson process). */
export function inTurns(random: Random, weathers: readonly Weather[]): Arrivals {
  const changes = random.fork();
  let index = -1;
  let current: RatePeriod = { perSecond: 0, untilSeconds: 0 };
  return arriveByChance(random, (at) => {
    while (at >= current.untilSeconds) {
      index = (index + 1) % weathers.length;
      const { perSecond, meanSeconds } = weathers[index] ?? { perSecond: 0, meanSeconds: Number.POSITIVE_INFINITY };
      current = { perSecond, untilSeconds: current.untilSeconds + changes.exponential(meanSeconds) };
    }
    return current;
  });
}

/** So many jobs at once, at one time: a batch, or a folder that somebody has dropped. */
export function allAtOnce(count: number, atSeconds: number): Arrivals {
  let left = count;
  return { next: () => (left-- > 0 ? atSeconds : Number.POSITIVE_INFINITY) };
}

/** All that comes by any of them. */
export function together(...sources: readonly Arrivals[]): Arrivals {
  const nexts = sources.map((source) => source.next(0));
  return {
    next() {
      const soonest = Math.min(...nexts);
      const index = nexts.indexOf(soonest);
      nexts[index] = sources[index]?.next(soonest) ?? Number.POSITIVE_INFINITY;
      return soonest;
    },
  };
}
