import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { KubernetesClient } from './kubernetes-client.ts';
import type { Container, KeyedData, KeyToPath, Pod, Volume } from './pod-types.ts';

export interface VolumesOptions {
  readonly pod: Pod;
  readonly client: KubernetesClient;
  /** For what lives as long as the pod. */
  readonly podFolder: string;
  /** For what outlives it. */
  readonly claimsFolder: string;
}

/** Folders on this machine that stand for a pod's volumes, by name. Rejects where a ConfigMap or Secret is missing. */
export async function makeVolumes(options: VolumesOptions): Promise<ReadonlyMap<string, string>> {
  const volumes = options.pod.spec.volumes ?? [];
  return new Map(
    await Promise.all(volumes.map(async (volume) => [volume.name, await makeVolume(volume, options)] as const)),
  );
}

async function makeVolume(volume: Volume, { pod, client, podFolder, claimsFolder }: VolumesOptions): Promise<string> {
  const namespace = `/api/v1/namespaces/${pod.metadata.namespace}`;
  const { name, persistentVolumeClaim: claim, configMap, secret } = volume;
  const folder = claim === undefined ? join(podFolder, 'volumes', name) : join(claimsFolder, claim.claimName);
  await mkdir(folder, { recursive: true });
  if (configMap !== undefined) {
    const { data, binaryData } = await client.get<KeyedData>(`${namespace}/configmaps/${configMap.name}`);
    await writeKeys(folder, { ...data, ...decodeAll(binaryData) }, configMap.items);
  } else if (secret !== undefined) {
    const { data } = await client.get<KeyedData>(`${namespace}/secrets/${secret.secretName}`);
    await writeKeys(folder, decodeAll(data), secret.items);
  } else if (claim === undefined && volume.emptyDir === undefined) {
    throw new Error(`Volume ${name} is of a kind that the process kubelet does not know`);
  }
  return folder;
}

function decodeAll(data: Readonly<Record<string, string>> = {}): Record<string, Buffer> {
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
}

async function writeKeys(
  folder: string,
  data: Readonly<Record<string, string | Buffer>>,
  items: readonly KeyToPath[] = Object.keys(data).map((key) => ({ key, path: key })),
): Promise<void> {
  for (const { key, path } of items) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data[key]!);
  }
}

/** A path in a container, and where it is on this machine. */
export interface MappedPath {
  readonly inside: string;
  readonly outside: string;
}

/** Where a container's paths are: its mounts, and the image's own files; the deepest come before those around them. */
export async function mapPaths(
  container: Container,
  volumes: ReadonlyMap<string, string>,
  imageFiles: readonly MappedPath[],
): Promise<readonly MappedPath[]> {
  const mounts = (container.volumeMounts ?? []).map(({ name, mountPath, subPath = '' }) => ({
    inside: mountPath.replace(/\/$/, ''),
    outside: join(volumes.get(name)!, subPath),
  }));
  // A sub-path of a ConfigMap is a file that is there already.
  for (const { outside } of mounts) if (!existsSync(outside)) await mkdir(outside, { recursive: true });
  for (const mount of mounts) await linkInto(mounts, mount);
  return [...mounts, ...imageFiles].toSorted((a, b) => b.inside.length - a.inside.length);
}

/** A mount below another one's path has to be found by who starts at the outer one, too. */
async function linkInto(mounts: readonly MappedPath[], { inside, outside }: MappedPath): Promise<void> {
  const around = mounts.find((mount) => inside.startsWith(`${mount.inside}/`));
  if (around === undefined) return;
  const link = join(around.outside, inside.slice(around.inside.length));
  await mkdir(dirname(link), { recursive: true });
  if (!existsSync(link)) await symlink(outside, link);
}

/** A text, such as an argument or the value of a variable, with the container's paths in it replaced. */
export function translatePaths(text: string, paths: readonly MappedPath[]): string {
  if (paths.length === 0) return text;
  const alternatives = paths.map(({ inside }) => RegExp.escape(inside)).join('|');
  return text.replaceAll(new RegExp(`(?<=^|[\\s=:'"]|file:)(?:${alternatives})(?=$|[/\\s:'"])`, 'g'), (inside) => {
    return paths.find((path) => path.inside === inside)!.outside;
  });
}
