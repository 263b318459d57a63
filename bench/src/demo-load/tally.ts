export interface Tally {
  count(sent: string, outcome: string): void;
  /** What was sent, what came of it, how often; in the order of their names. */
  rows(): string[][];
}

export function createTally(): Tally {
  const counts = new Map<string, { sent: string; outcome: string; times: number }>();
  return {
    count(sent, outcome) {
      const key = `${sent}\n${outcome}`;
      const known = counts.get(key) ?? { sent, outcome, times: 0 };
      counts.set(key, { ...known, times: known.times + 1 });
    },
    rows: () =>
      [...counts.keys()].toSorted().flatMap((key) => {
        const counted = counts.get(key);
        return counted === undefined ? [] : [[counted.sent, counted.outcome, String(counted.times)]];
      }),
  };
}
