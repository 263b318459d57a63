import { UsageError } from '../command-line.ts';

/** `KEY=VALUE`s as an object; a value may hold more of `=`. Throws `UsageError`. */
export function parseMetadata(pairs: readonly string[]): Readonly<Record<string, string>> {
  const entries = new Map<string, string>();
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) throw new UsageError('--metadata is KEY=VALUE');
    const key = pair.slice(0, at);
    if (entries.has(key)) throw new UsageError(`--metadata has ${JSON.stringify(key)} twice`);
    entries.set(key, pair.slice(at + 1));
  }
  return Object.fromEntries(entries);
}
