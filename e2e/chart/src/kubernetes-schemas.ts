import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { cacheFolder } from '../../src/chart-tools.ts';
import { outputOf } from './run-program.ts';

/** As in JSON Schema, with what OpenAPI adds. */
interface Schema {
  [key: string]: unknown;
  $ref?: string;
  properties?: Record<string, Schema>;
}

interface Swagger {
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface CustomResourceDefinition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** Of the kinds that the chart may make beyond Kubernetes's own, from their makers' Go modules. */
const customResources = [
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    files: [
      'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
      'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
    ],
  },
  { module: 'github.com/kedacore/keda/v2@v2.21.0', files: ['config/crd/bases/keda.sh_scaledobjects.yaml'] },
];

/** How kubeconform finds a kind's schema in a folder of ours. */
export const schemaLocation = (folder: string): string =>
  join(folder, '{{ .Group }}', '{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json');

/**
 * A folder of strict schemas, one a kind: what Kubernetes does not know is an error. They are made of the OpenAPI
 * document in Kubernetes's own Go module, once for a version.
 */
export async function kubernetesSchemas({ go, version }: { readonly go: string; readonly version: string }) {
  return once(join(cacheFolder, `kubernetes-${version}`), async (folder) => {
    const module = await moduleFolder(go, `k8s.io/kubernetes@v${version}`);
    const swagger = JSON.parse(readFileSync(join(module, 'api/openapi-spec/swagger.json'), 'utf8')) as Swagger;
    const definitions = Object.fromEntries(
      Object.entries(swagger.definitions).map(([name, schema]) => [name, strict(adapted(name, schema))]),
    );
    for (const [name, schema] of Object.entries(definitions)) {
      const kinds = (schema['x-kubernetes-group-version-kind'] ?? []) as {
        group: string;
        version: string;
        kind: string;
      }[];
      // Options of requests belong to every group.
      if (kinds.length !== 1) continue;
      const { group, version: apiVersion, kind } = kinds[0]!;
      write({ folder, group: group === '' ? apiVersion : group, apiVersion, kind }, withParts(name, definitions));
    }
  });
}

/** The same for the kinds of others. */
export async function customSchemas({ go }: { readonly go: string }): Promise<string> {
  return once(join(cacheFolder, 'custom-resources'), async (folder) => {
    for (const { module, files } of customResources) {
      const from = await moduleFolder(go, module);
      for (const file of files) {
        const { spec } = parse(readFileSync(join(from, file), 'utf8')) as CustomResourceDefinition;
        for (const { name: apiVersion, schema } of spec.versions) {
          write({ folder, group: spec.group, apiVersion, kind: spec.names.kind }, strict(schema.openAPIV3Schema));
        }
      }
    }
  });
}

async function once(folder: string, make: (folder: string) => Promise<void>): Promise<string> {
  const done = join(folder, 'complete');
  if (!existsSync(done)) {
    await make(folder);
    writeFileSync(done, '');
  }
  return folder;
}

async function moduleFolder(go: string, module: string): Promise<string> {
  console.log(`Fetching ${module} …`);
  const answer = await outputOf(go, ['mod', 'download', '-json', module]);
  return (JSON.parse(answer) as { Dir: string }).Dir;
}

interface Place {
  readonly folder: string;
  readonly group: string;
  readonly apiVersion: string;
  readonly kind: string;
}

function write({ folder, group, apiVersion, kind }: Place, schema: Schema): void {
  const file = join(folder, group, `${kind.toLowerCase()}_${apiVersion}.json`);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...schema }));
}

/** What the document says of types that YAML writes in more than one way is not what the API server takes. */
function adapted(name: string, schema: Schema): Schema {
  if (name.endsWith('.util.intstr.IntOrString')) return { anyOf: [{ type: 'integer' }, { type: 'string' }] };
  if (name.endsWith('.api.resource.Quantity')) return { anyOf: [{ type: 'number' }, { type: 'string' }] };
  return schema;
}

/** Objects whose properties are known have no others. */
function strict(schema: Schema): Schema {
  const isOpen =
    schema['additionalProperties'] !== undefined || schema['x-kubernetes-preserve-unknown-fields'] === true;
  const inner = Object.fromEntries(
    Object.entries(schema).map(([key, value]) => {
      if (key === 'properties') return [key, mapValues(value as Record<string, Schema>, strict)];
      if (Array.isArray(value)) return [key, value.map((each: unknown) => (isSchema(each) ? strict(each) : each))];
      return [key, isSchema(value) && key !== 'default' && key !== 'enum' ? strict(value) : value];
    }),
  );
  return schema.properties !== undefined && !isOpen ? { ...inner, additionalProperties: false } : inner;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function mapValues(schemas: Record<string, Schema>, change: (schema: Schema) => Schema): Record<string, Schema> {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, change(schema)]));
}

/** One schema with all that it refers to. */
function withParts(name: string, definitions: Readonly<Record<string, Schema>>): Schema {
  const parts: Record<string, Schema> = {};
  const waiting = [name];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const definition = definitions[next];
    if (definition === undefined || parts[next] !== undefined) continue;
    parts[next] = definition;
    waiting.push(...[...JSON.stringify(definition).matchAll(/"#\/definitions\/([^"]+)"/g)].map(([, part]) => part!));
  }
  return { $ref: `#/definitions/${name}`, definitions: parts };
}
