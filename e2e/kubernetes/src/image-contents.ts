import { readFile } from 'node:fs/promises';

/** What an image says of how to run it. */
export interface ImageContents {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
}

const stageLine = /^FROM (?<base>\S+) AS (?<name>\S+)$/;

/**
 * The images that this Dockerfile makes, by target: their CMD, ENV and WORKDIR, those of the stages that they are built upon
 * included. The process kubelet runs the checkout instead of an image's files, but by what the image says.
 */
export async function readImages(dockerfile: string | URL): Promise<ReadonlyMap<string, ImageContents>> {
  const images = new Map<string, ImageContents>();
  let name = '';
  const text = (await readFile(dockerfile, 'utf8')).replaceAll(/\\\n\s*/g, ' ');
  for (const line of text.split('\n')) {
    const stage = stageLine.exec(line)?.groups;
    const last = images.get(name);
    if (stage !== undefined) {
      name = stage['name']!;
      images.set(name, images.get(stage['base']!) ?? { command: [], env: {}, workingDir: '/' });
    } else if (last !== undefined && line.startsWith('CMD ')) {
      images.set(name, { ...last, command: JSON.parse(line.slice('CMD '.length)) as string[] });
    } else if (last !== undefined && line.startsWith('WORKDIR ')) {
      images.set(name, { ...last, workingDir: line.slice('WORKDIR '.length) });
    } else if (last !== undefined && line.startsWith('ENV ')) {
      const pairs = line.slice('ENV '.length).split(/\s+/);
      images.set(name, { ...last, env: { ...last.env, ...Object.fromEntries(pairs.map((pair) => pair.split('='))) } });
    }
  }
  return images;
}

/** The Dockerfile's target in an image's name, where builds are named after their target: `registry/glyphmill-worker:1.2`. */
export function targetOf(image: string): string {
  const name = image.replace(/@.*$/, '').replace(/:[^/:]*$/, '');
  return /(?:^|[/-])(?<target>worker-gpu|[a-z]+)$/.exec(name)?.groups?.['target'] ?? name;
}
