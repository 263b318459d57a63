import { serviceLinks } from './cluster-services.ts';
import type { KubernetesClient } from './kubernetes-client.ts';
import type { Container, EnvVar, KeyedData, KeyRef, Pod, Service } from './pod-types.ts';

export interface EnvironmentOptions {
  readonly pod: Pod;
  readonly podIp: string;
  readonly container: Container;
  readonly client: KubernetesClient;
  /** ENV of the image. */
  readonly imageEnv: Readonly<Record<string, string>>;
}

type Environment = Record<string, string>;

/** A container's whole environment as its pod says it. Rejects where a Secret, ConfigMap or key is missing. */
export async function resolveEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const { pod, container, client, imageEnv } = options;
  const namespace = `/api/v1/namespaces/${pod.metadata.namespace}`;
  const links =
    pod.spec.enableServiceLinks === false ? {} : serviceLinks(await client.list<Service>(`${namespace}/services`));
  const env: Environment = { ...imageEnv, ...links, HOSTNAME: pod.metadata.name };
  for (const { prefix = '', secretRef, configMapRef } of container.envFrom ?? []) {
    const ref = secretRef ?? configMapRef!;
    const data = await readKeys(
      client,
      `${namespace}/${secretRef ? 'secrets' : 'configmaps'}/${ref.name}`,
      ref.optional,
    );
    for (const [key, value] of Object.entries(data)) env[`${prefix}${key}`] = value;
  }
  for (const variable of container.env ?? []) {
    const value = await valueOf(variable, options);
    if (value !== undefined) env[variable.name] = expandReferences(value, env);
  }
  return env;
}

async function valueOf({ name, value, valueFrom }: EnvVar, options: EnvironmentOptions): Promise<string | undefined> {
  if (valueFrom === undefined) return value ?? '';
  const { pod, client, container } = options;
  const namespace = `/api/v1/namespaces/${pod.metadata.namespace}`;
  const { secretKeyRef, configMapKeyRef, fieldRef, resourceFieldRef } = valueFrom;
  if (secretKeyRef) return readKey(client, `${namespace}/secrets`, secretKeyRef);
  if (configMapKeyRef) return readKey(client, `${namespace}/configmaps`, configMapKeyRef);
  if (fieldRef) return fieldOf(fieldRef.fieldPath, options);
  if (resourceFieldRef) {
    const kind = /^(?<kind>limits|requests)\.(?<resource>.+)$/.exec(resourceFieldRef.resource)!.groups!;
    return container.resources?.[kind['kind'] as 'limits' | 'requests']?.[kind['resource']!];
  }
  throw new Error(`The process kubelet does not know where ${name} comes from`);
}

function fieldOf(fieldPath: string, { pod, podIp }: EnvironmentOptions): string {
  const keyed = /^metadata\.(?<of>labels|annotations)\['(?<key>.+)'\]$/.exec(fieldPath)?.groups;
  if (keyed) return pod.metadata[keyed['of'] as 'labels' | 'annotations']?.[keyed['key']!] ?? '';
  const fields: Readonly<Record<string, string | undefined>> = {
    'metadata.name': pod.metadata.name,
    'metadata.namespace': pod.metadata.namespace,
    'metadata.uid': pod.metadata.uid,
    'spec.nodeName': pod.spec.nodeName,
    'spec.serviceAccountName': pod.spec.serviceAccountName,
    'status.podIP': podIp,
    'status.podIPs': podIp,
  };
  const value = fields[fieldPath];
  if (value === undefined) throw new Error(`The process kubelet does not know the field ${fieldPath}`);
  return value;
}

async function readKey(client: KubernetesClient, path: string, { name, key, optional }: KeyRef) {
  const value = (await readKeys(client, `${path}/${name}`, optional))[key];
  if (value === undefined && optional !== true) throw new Error(`There is no key ${key} in ${path}/${name}`);
  return value;
}

async function readKeys(client: KubernetesClient, path: string, optional: boolean | undefined): Promise<Environment> {
  const found = await (optional === true ? client.find<KeyedData>(path) : client.get<KeyedData>(path));
  const isSecret = path.includes('/secrets/');
  return Object.fromEntries(
    Object.entries(found?.data ?? {}).map(([key, value]) => [
      key,
      isSecret ? Buffer.from(value, 'base64').toString() : value,
    ]),
  );
}

/** `$(NAME)` of a variable that came before; `$$` is a dollar. */
export function expandReferences(text: string, env: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$(?:\$|\((?<name>[A-Za-z_][A-Za-z0-9_.-]*)\))/g, (whole, name: string | undefined) => {
    if (whole === '$$') return '$';
    return name === undefined ? whole : (env[name] ?? whole);
  });
}
