/** One bound on how fast replicas may change: so many, or so many of a hundred, within a period. */
export interface ScalingPolicy {
  readonly type: 'Pods' | 'Percent';
  readonly value: number;
  readonly periodSeconds: number;
}

export interface ScalingRules {
  /** The most careful recommendation of so long a time counts. */
  readonly stabilizationWindowSeconds: number;
  /** Of several policies the one counts that allows the largest or the smallest change. */
  readonly selectPolicy: 'Max' | 'Min';
  readonly policies: readonly ScalingPolicy[];
}

export interface AutoscalerOptions {
  readonly minReplicas: number;
  readonly maxReplicas: number;
  /** A ratio that is no further from 1 changes nothing; the controller's default is 0.1. */
  readonly tolerance: number;
  readonly scaleUp: ScalingRules;
  readonly scaleDown: ScalingRules;
}

/** An external metric with a target of type AverageValue. */
export interface ExternalMetric {
  /** Of all pods together. */
  readonly value: number;
  /** What each replica may have of it. */
  readonly averageTarget: number;
}

/** What Kubernetes does where `behavior.scaleUp` is not said. */
export const defaultScaleUp: ScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Percent', value: 100, periodSeconds: 15 },
    { type: 'Pods', value: 4, periodSeconds: 15 },
  ],
};

interface Past {
  readonly atSeconds: number;
  readonly replicas: number;
}

interface Change {
  readonly atSeconds: number;
  /** Negative: removed. */
  readonly added: number;
}

/** The HorizontalPodAutoscaler of `autoscaling/v2`, as the documentation of Kubernetes describes its algorithm. */
export class HorizontalAutoscaler {
  readonly #options: AutoscalerOptions;
  readonly #recommendations: Past[] = [];
  readonly #changes: Change[] = [];

  constructor(options: AutoscalerOptions) {
    this.#options = options;
  }

  /** One sync: how many replicas there shall be from now on. Call it with times that rise. */
  sync(atSeconds: number, replicas: number, metrics: readonly ExternalMetric[]): number {
    const { minReplicas, maxReplicas, tolerance } = this.#options;
    // Of several metrics the one counts that asks for most.
    const asked = Math.max(...metrics.map((metric) => askedReplicas(metric, replicas, tolerance)));
    const steady = this.#stabilize(atSeconds, replicas, asked);
    // A limit that was passed already, by a change of the other direction within its period, forces nothing back.
    const highest = Math.max(this.#highest(atSeconds, replicas), replicas);
    const lowest = Math.min(this.#lowest(atSeconds, replicas), replicas);
    const decided = Math.min(Math.max(Math.min(Math.max(steady, lowest), highest), minReplicas), maxReplicas);
    if (decided !== replicas) this.#changes.push({ atSeconds, added: decided - replicas });
    return decided;
  }

  /** Up to the smallest, down to the largest recommendation of the window; between the two nothing changes. */
  #stabilize(atSeconds: number, replicas: number, asked: number): number {
    const { scaleUp, scaleDown } = this.#options;
    const longest = Math.max(scaleUp.stabilizationWindowSeconds, scaleDown.stabilizationWindowSeconds);
    const past = this.#recommendations;
    while (past[0] !== undefined && past[0].atSeconds <= atSeconds - longest) past.shift();
    past.push({ atSeconds, replicas: asked });
    const within = ({ stabilizationWindowSeconds }: ScalingRules): number[] => [
      asked,
      ...past
        .filter((recommendation) => recommendation.atSeconds > atSeconds - stabilizationWindowSeconds)
        .map((recommendation) => recommendation.replicas),
    ];
    const up = Math.min(...within(scaleUp));
    const down = Math.max(...within(scaleDown));
    return Math.min(Math.max(replicas, up), down);
  }

  #highest(atSeconds: number, replicas: number): number {
    const { selectPolicy, policies } = this.#options.scaleUp;
    const limits = policies.map(({ type, value, periodSeconds }) => {
      const before = replicas - this.#changed(atSeconds, periodSeconds);
      return type === 'Pods' ? before + value : Math.ceil(before * (1 + value / 100));
    });
    return selectPolicy === 'Max' ? Math.max(...limits) : Math.min(...limits);
  }

  #lowest(atSeconds: number, replicas: number): number {
    const { selectPolicy, policies } = this.#options.scaleDown;
    const limits = policies.map(({ type, value, periodSeconds }) => {
      const before = replicas - this.#changed(atSeconds, periodSeconds);
      return type === 'Pods' ? before - value : Math.floor(before * (1 - value / 100));
    });
    return selectPolicy === 'Max' ? Math.min(...limits) : Math.max(...limits);
  }

  /** Replicas that were added within the period, less those that were removed. */
  #changed(atSeconds: number, periodSeconds: number): number {
    return this.#changes
      .filter((change) => change.atSeconds > atSeconds - periodSeconds)
      .reduce((sum, { added }) => sum + added, 0);
  }
}

function askedReplicas({ value, averageTarget }: ExternalMetric, replicas: number, tolerance: number): number {
  const ratio = value / (averageTarget * replicas);
  return Math.abs(ratio - 1) <= tolerance ? replicas : Math.ceil(value / averageTarget);
}
