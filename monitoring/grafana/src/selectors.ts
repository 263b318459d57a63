/** What the choices at the top of a dashboard narrow all queries down to. */
export const namespace = 'namespace=~"$namespace"';
export const pod = `${namespace}, pod=~"$pod"`;

/** Per second, over a time that Grafana fits to the width of the panel. */
export function rate(series: string): string {
  return `rate(${series}[$__rate_interval])`;
}

/**
 * Of a histogram's buckets, told apart by `labels`. Where nothing was measured it is no number, and the line has a gap.
 */
export function quantile(share: number, buckets: string, labels: readonly string[] = []): string {
  return `histogram_quantile(${share}, sum by (${['le', ...labels].join(', ')}) (${rate(buckets)}))`;
}

/** 0 where there is no such series at all, since the event that it counts has never happened. */
export function orNone(expr: string): string {
  return `${expr} or on () vector(0)`;
}
