import type { Manifest } from './render-chart.ts';

export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}

export interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
  readonly periodSeconds: number;
  readonly timeoutSeconds: number;
  readonly failureThreshold: number;
}

export interface SecurityContext {
  readonly runAsNonRoot?: boolean;
  readonly runAsUser?: number;
  readonly allowPrivilegeEscalation?: boolean;
  readonly readOnlyRootFilesystem?: boolean;
  readonly privileged?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
  readonly seccompProfile?: { readonly type: string };
}

export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
  readonly resources?: { readonly requests?: object; readonly limits?: object };
  readonly securityContext?: SecurityContext;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string; readonly readOnly?: boolean }[];
}

export interface PodSpec {
  readonly automountServiceAccountToken?: boolean;
  readonly hostNetwork?: boolean;
  readonly hostPID?: boolean;
  readonly securityContext?: SecurityContext;
  readonly terminationGracePeriodSeconds?: number;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Readonly<Record<string, unknown>>[];
}

export interface Pod {
  /** `Deployment/ocr-glyphmill-api`. */
  readonly name: string;
  readonly component: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: PodSpec;
}

/** Every pod that the manifests would make, one of each. */
export function podsOf(manifests: readonly Manifest[]): Pod[] {
  return manifests.flatMap((manifest) => {
    const template = manifest.kind === 'Pod' ? manifest : manifest['spec']?.template;
    if (template?.spec?.containers === undefined) return [];
    const labels = (template.metadata?.labels ?? {}) as Record<string, string>;
    return [
      {
        name: `${manifest.kind}/${manifest.metadata.name}`,
        component: labels['app.kubernetes.io/component'] ?? '',
        labels,
        spec: template.spec as PodSpec,
      },
    ];
  });
}

const restrictedVolumes = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);

/** What the restricted profile of Pod Security, and we, would object to. */
export function objectionsTo({ spec }: Pod): string[] {
  const objections: string[] = [];
  const object = (holds: boolean | undefined, objection: string) => {
    if (holds !== true) objections.push(objection);
  };
  object(spec.automountServiceAccountToken === false, 'mounts a token');
  object(spec.hostNetwork !== true && spec.hostPID !== true, "shares the host's namespaces");
  for (const { name: volume, ...source } of spec.volumes ?? []) {
    object(
      Object.keys(source).every((kind) => restrictedVolumes.has(kind)),
      `volume ${String(volume)}`,
    );
  }
  for (const container of [...(spec.initContainers ?? []), ...spec.containers]) {
    const own = container.securityContext ?? {};
    const { name } = container;
    object(own.privileged !== true, `${name} is privileged`);
    object(own.allowPrivilegeEscalation === false, `${name} may gain privileges`);
    object(own.readOnlyRootFilesystem === true, `${name} may write to its image`);
    object(own.capabilities?.drop?.includes('ALL'), `${name} keeps capabilities`);
    object((own.capabilities?.add ?? []).length === 0, `${name} adds capabilities`);
    object((own.runAsNonRoot ?? spec.securityContext?.runAsNonRoot) === true, `${name} may run as root`);
    object((own.runAsUser ?? spec.securityContext?.runAsUser ?? 0) > 0, `${name} says no user`);
    const seccomp = (own.seccompProfile ?? spec.securityContext?.seccompProfile)?.type;
    object(seccomp === 'RuntimeDefault', `${name} has no seccomp profile`);
    object(
      container.resources?.requests !== undefined && container.resources.limits !== undefined,
      `${name} is unbounded`,
    );
  }
  return objections;
}
