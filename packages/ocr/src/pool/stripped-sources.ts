import { readdirSync, readFileSync } from 'node:fs';
// As a whole: a Node without the function is no reason not to start.
import nodeModule from 'node:module';

const sourceFolder = new URL('../', import.meta.url);

let sources: ReadonlyMap<string, string> | undefined;

/**
 * The modules of this package as JavaScript, by URL, every character in its line and column. They are made once, so that
 * an engine process that starts later runs the same code as its pool.
 *
 * Where Node cannot strip them there are none: engine processes then read the files and strip them themselves, which takes
 * them more memory.
 */
export function strippedSources(): ReadonlyMap<string, string> {
  sources ??= stripSources();
  return sources;
}

function stripSources(): ReadonlyMap<string, string> {
  try {
    const names = readdirSync(sourceFolder, { recursive: true, encoding: 'utf8' });
    const modules = names.filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'));
    return withoutWarning(() => new Map(modules.map((name) => [new URL(name, sourceFolder).href, strip(name)])));
  } catch {
    return new Map();
  }
}

function strip(name: string): string {
  return nodeModule.stripTypeScriptTypes(readFileSync(new URL(name, sourceFolder), 'utf8'), { mode: 'strip' });
}

/** Node warns of its function for this, which may change; that is for us to know, and not for the log of a service. */
function withoutWarning<T>(work: () => T): T {
  const { emitWarning } = process;
  process.emitWarning = () => undefined;
  try {
    return work();
  } finally {
    process.emitWarning = emitWarning;
  }
}
