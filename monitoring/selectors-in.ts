/** A metric as a query names it, and what its labels have to be. */
export interface Selector {
  readonly metric: string;
  readonly matchers: readonly Matcher[];
}

export interface Matcher {
  readonly label: string;
  readonly operator: '=' | '!=' | '=~' | '!~';
  readonly value: string;
}

const selectorPattern =
  /(?<metric>\bglyphmill(?:_\w+|:[\w:]+)|\b(?:process|nodejs)_\w+|\bup\b|\bALERTS\b)(?:\{(?<matchers>[^{}]*)\})?/g;
const matcherPattern = /(?<label>\w+)\s*(?<operator>=~|!~|!=|=)\s*"(?<value>[^"]*)"/g;

/** Of the queries that this project writes: values in double quotes, without braces. */
export function selectorsIn(query: string): Selector[] {
  return [...query.matchAll(selectorPattern)].map(({ groups = {} }) => ({
    metric: groups['metric'] ?? '',
    matchers: [...(groups['matchers'] ?? '').matchAll(matcherPattern)].map(({ groups: parts = {} }) => ({
      label: parts['label'] ?? '',
      operator: (parts['operator'] ?? '=') as Matcher['operator'],
      value: parts['value'] ?? '',
    })),
  }));
}

/** Labels that a query groups by. */
export function groupingsIn(query: string): string[] {
  return [...query.matchAll(/\b(?:by|on|without|ignoring)\s*\(([^)]*)\)/g)]
    .flatMap(([, labels = '']) => labels.split(','))
    .map((label) => label.trim())
    .filter((label) => label !== '');
}
