import { statSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './command-line.ts';

interface Drawable {
  readonly name: string;
  readonly path: string | undefined;
}

/**
 * Where the drawing of each image goes (absolute paths, one per file, all different).
 *
 * `out` ends in `.png`: it is the file itself, or, with `{name}` in it, a pattern for many. Anything else is a folder,
 * in which images of a given folder keep their place. Throws `UsageError` when several images would share a file and
 * when a drawing would replace an image that is read.
 */
export function placeDrawings(out: string, files: readonly Drawable[], cwd: string): Map<Drawable, string> {
  const pattern = patternOf(out, files.length, cwd);
  const sources = new Set(files.map((file) => file.path));
  const taken = new Set<string>();
  const places = new Map<Drawable, string>();
  for (const file of files) {
    const target = firstFree(
      (name) =>
        path.resolve(
          cwd,
          pattern.replaceAll('{name}', () => name),
        ),
      file.name,
      taken,
    );
    if (sources.has(target)) throw new UsageError(`--boxes would replace the image ${target}`);
    taken.add(target);
    places.set(file, target);
  }
  return places;
}

function patternOf(out: string, count: number, cwd: string): string {
  if (!out.toLowerCase().endsWith('.png')) {
    const existing = statSync(path.resolve(cwd, out), { throwIfNoEntry: false });
    if (existing?.isDirectory() === false) throw new UsageError('--boxes: the file must end in .png');
    return path.join(out, '{name}.png');
  }
  if (count > 1 && !out.includes('{name}')) {
    throw new UsageError('--boxes: with several images name a folder, or a pattern with {name} such as out/{name}.png');
  }
  return out;
}

/** The same name may come from several folders: later ones get a number. */
function firstFree(place: (name: string) => string, name: string, taken: ReadonlySet<string>): string {
  let target = place(name);
  for (let n = 2; taken.has(target); n++) target = place(`${name}-${n}`);
  return target;
}
