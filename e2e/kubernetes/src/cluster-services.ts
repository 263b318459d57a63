import type { KubernetesClient } from './kubernetes-client.ts';
import type { EndpointSlice, Service } from './pod-types.ts';

/** Where a service's port leads: what the cluster's DNS and its proxy would do for a connection to it. */
export interface ServiceAddress {
  readonly service: string;
  readonly port: number;
  /** Address and port of a ready pod. */
  readonly podIp: string;
  readonly podPort: number;
}

/** All ports of all services of a namespace that have a ready pod, by the endpoints that the real controller has found. */
export async function listServiceAddresses(
  client: KubernetesClient,
  namespace: string,
): Promise<readonly ServiceAddress[]> {
  const services = await client.list<Service>(`/api/v1/namespaces/${namespace}/services`);
  const slices = await client.list<EndpointSlice>(`/apis/discovery.k8s.io/v1/namespaces/${namespace}/endpointslices`);
  return services.flatMap((service) => {
    const ofService = slices.filter(
      ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'] === service.metadata.name,
    );
    return (service.spec.ports ?? []).flatMap(({ name, port }) =>
      ofService.flatMap(({ endpoints, ports }) => {
        const ready = endpoints?.find(({ conditions }) => conditions?.ready !== false);
        const podPort = ports?.find((candidate) => (candidate.name ?? '') === (name ?? ''))?.port;
        if (ready === undefined || podPort === undefined) return [];
        return [{ service: service.metadata.name, port, podIp: ready.addresses[0]!, podPort }];
      }),
    );
  });
}

export interface NameTranslation {
  readonly namespace: string;
  readonly addresses: readonly ServiceAddress[];
  /** Where a pod's address is on this machine. */
  readonly toLocal: (podIp: string) => string;
}

/** A text with `service:port`, by any of a service's names, replaced by the address of a pod behind it. */
export function translateNames(text: string, { namespace, addresses, toLocal }: NameTranslation): string {
  return addresses.reduce((translated, { service, port, podIp, podPort }) => {
    const name = `${RegExp.escape(service)}(?:\\.${RegExp.escape(namespace)}(?:\\.svc(?:\\.cluster\\.local)?)?)?`;
    const withPort = new RegExp(`(?<=^|[/@\\s'"])${name}:${port}(?!\\d)`, 'g');
    const byDefault = port === 80 ? new RegExp(`(?<=http://)${name}(?=[/'"\\s]|$)`, 'g') : undefined;
    const local = `${toLocal(podIp)}:${podPort}`;
    const replaced = translated.replaceAll(withPort, local);
    return byDefault === undefined ? replaced : replaced.replaceAll(byDefault, local);
  }, text);
}

/** The variables that tell a pod of the services of its namespace, as they have since before there was DNS. */
export function serviceLinks(services: readonly Service[]): Record<string, string> {
  return Object.fromEntries(
    services.flatMap(({ metadata, spec: { clusterIP, ports = [] } }) => {
      const [first] = ports;
      if (clusterIP === undefined || clusterIP === 'None' || first === undefined) return [];
      const prefix = metadata.name.toUpperCase().replaceAll('-', '_');
      return [
        [`${prefix}_SERVICE_HOST`, clusterIP],
        [`${prefix}_SERVICE_PORT`, String(first.port)],
        [`${prefix}_PORT`, `tcp://${clusterIP}:${first.port}`],
      ] as const;
    }),
  );
}
