import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAddressPolicy } from '@glyphmill/core/fetch';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ChartPrograms, findChartPrograms } from './src/chart-programs.ts';
import { customSchemas, kubernetesSchemas, schemaLocation } from './src/kubernetes-schemas.ts';
import { mayReach, mayReachPods, policiesFor } from './src/network-rules.ts';
import { objectionsTo, type Pod, podsOf } from './src/pod-templates.ts';
import {
  chart,
  chartTests,
  kubernetesVersions,
  type Manifest,
  manifestsOf,
  renderArguments,
  renderChart,
} from './src/render-chart.ts';
import { runProgram } from './src/run-program.ts';
import { monitoringSet, refusals, valueSets } from './src/value-sets.ts';

const found = await findChartPrograms();
if (typeof found === 'string') console.warn(`The chart's tests are skipped: ${found}`);
const programs = found as ChartPrograms;
const minutes = 60_000;

describe.skipIf(typeof found === 'string')('the chart', () => {
  const rendered = new Map<string, string>();
  const manifests = (set: string): Manifest[] => manifestsOf(rendered.get(set)!);
  const ofKind = (set: string, kind: string): Manifest[] => manifests(set).filter((each) => each.kind === kind);
  const podOf = (set: string, component: string): Pod =>
    podsOf(manifests(set)).find((pod) => pod.component === component)!;

  beforeAll(async () => {
    for (const [set, values] of Object.entries(valueSets)) rendered.set(set, await renderChart({ programs, values }));
  }, 3 * minutes);

  afterAll(() => rendered.clear());

  test.each(Object.keys(valueSets))('%s: helm lint finds nothing', async (set) => {
    const values = valueSets[set]!.flatMap((file) => ['--values', file]);
    const { code, stdout, stderr } = await runProgram(programs.helm, ['lint', '--strict', chart, ...values]);
    expect(code, stdout + stderr).toBe(0);
  });

  test.each(Object.keys(valueSets))('%s: renders what it did (npm run e2e:chart -- -u)', async (set) => {
    await expect(rendered.get(set)).toMatchFileSnapshot(join(chartTests, 'golden', `${set}.yaml`));
  });

  describe.each(kubernetesVersions)('Kubernetes %s', (version) => {
    let schemas: string[];

    beforeAll(async () => {
      schemas = [await kubernetesSchemas({ go: programs.go, version }), await customSchemas({ go: programs.go })];
    }, 5 * minutes);

    const conform = async (text: string) => {
      const locations = schemas.flatMap((folder) => ['-schema-location', schemaLocation(folder)]);
      const { stdout, stderr } = await runProgram(
        programs.kubeconform,
        ['-strict', '-summary', '-output', 'json', ...locations],
        { input: text },
      );
      const answer = JSON.parse(stdout || '{}') as {
        resources?: { msg: string }[];
        summary?: Record<'valid' | 'invalid' | 'errors' | 'skipped', number>;
      };
      expect(answer.summary, stderr).toBeDefined();
      return { ...answer.summary, complaints: (answer.resources ?? []).map(({ msg }) => msg) };
    };

    test.each(Object.entries({ ...valueSets, monitoring: monitoringSet }))('takes all of %s', async (_set, values) => {
      const text = await renderChart({ programs, values, kubernetesVersion: version });
      expect(await conform(text)).toEqual({
        valid: manifestsOf(text).length,
        invalid: 0,
        errors: 0,
        skipped: 0,
        complaints: [],
      });
    });

    test('would not take a field that it does not know, nor a wrong type', async () => {
      const text = rendered.get('minimal')!;
      const misspelled = await conform(text.replace('terminationGracePeriodSeconds', 'terminationGraceSeconds'));
      expect(misspelled.complaints.join()).toContain('terminationGraceSeconds');
      expect(await conform(text.replace(/minReplicas: \d+/, 'minReplicas: few'))).toMatchObject({ invalid: 1 });
      const keda = rendered.get('keda')!.replace('pollingInterval:', 'pollInterval:');
      expect((await conform(keda)).complaints.join()).toContain('pollInterval');
    });
  });

  test('there are 20 refusals and more', () => {
    expect(refusals.length).toBeGreaterThanOrEqual(20);
  });

  test.each(refusals)('refuses $name, and says why', async ({ values, message }) => {
    const { code, stderr } = await runProgram(programs.helm, renderArguments({ values }));
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/swordfish|'guess'/);
    expect(code).not.toBe(0);
  });

  test('refuses a cluster that is too old', async () => {
    const args = renderArguments({ values: valueSets['minimal']!, kubernetesVersion: '1.32.0' });
    expect((await runProgram(programs.helm, args)).stderr).toContain('requires kubeVersion');
  });

  describe.each(Object.keys(valueSets))('%s', (set) => {
    test('has no pod that the restricted profile of Pod Security objects to', () => {
      const pods = podsOf(manifests(set));
      expect(pods.length).toBeGreaterThan(3);
      expect(pods.filter((pod) => objectionsTo(pod).length > 0).map((pod) => [pod.name, objectionsTo(pod)])).toEqual(
        [],
      );
    });

    test('has no schema brought up to date by pods, and one job that does', () => {
      for (const { data } of ofKind(set, 'ConfigMap').filter(({ data: map }) => map?.OPS_PORT !== undefined)) {
        expect(data.MIGRATE).toBe('never');
      }
      const [job, ...others] = ofKind(set, 'Job');
      expect(others).toEqual([]);
      const hook = job!.metadata.annotations!['helm.sh/hook'];
      expect(hook).toBe(set === 'trial' ? 'post-install,post-upgrade' : 'pre-install,pre-upgrade');
      // Nothing that the job needs may be missing when it runs.
      const secret = job!['spec'].template.spec.containers[0].env[0].valueFrom.secretKeyRef.name as string;
      const own = ofKind(set, 'Secret').find(({ metadata }) => metadata.name === secret);
      if (set === 'secrets') expect(own).toBeUndefined();
      else expect(own!.metadata.annotations!['helm.sh/hook']).toBe(hook);
    });

    test('gives pods longer to end than their pages, and their closing, may take', () => {
      for (const { name, component, spec } of podsOf(manifests(set)).filter((pod) =>
        pod.component.startsWith('worker'),
      )) {
        const env = Object.fromEntries(spec.containers[0]!.env!.map((each) => [each.name, each.value]));
        const settings = {
          ...ofKind(set, 'ConfigMap').find(({ data }) => data?.OPS_PORT !== undefined)!['data'],
          ...env,
        };
        const pageMs = Number(settings['PAGE_TIMEOUT_MS'] ?? 20_000);
        const fetchMs = Number(settings['FETCH_TIMEOUT_MS'] ?? 15_000);
        const drainMs = Number(settings['DRAIN_GRACE_MS']);
        expect(drainMs, name).toBeGreaterThanOrEqual(fetchMs + 2 * pageMs);
        expect(spec.terminationGracePeriodSeconds! * 1000, component).toBeGreaterThan(drainMs + 6_000);
      }
    });
  });

  describe('autoscaling', () => {
    const scaler = (set: string, kind: string, pool: string) =>
      ofKind(set, kind).find(({ metadata }) => metadata.name === `ocr-glyphmill-worker-${pool}`)!['spec'];

    test('external: one pod for each pagesPerSecondPerPod × targetWaitSeconds jobs in the lanes of the pool', () => {
      const [both] = scaler('minimal', 'HorizontalPodAutoscaler', 'cpu').metrics;
      expect(both.external.metric).toEqual({
        name: 'glyphmill_queue_load',
        selector: { matchExpressions: [{ key: 'lane', operator: 'In', values: ['interactive', 'bulk'] }] },
      });
      expect(both.external.target).toEqual({ type: 'AverageValue', averageValue: '10' });
      const [interactive] = scaler('gpu', 'HorizontalPodAutoscaler', 'cpu').metrics;
      expect(interactive.external.metric.selector).toEqual({ matchLabels: { lane: 'interactive' } });
      expect(interactive.external.target.averageValue).toBe('13600m');
      const [bulk] = scaler('gpu', 'HorizontalPodAutoscaler', 'gpu').metrics;
      expect(bulk.external.target.averageValue).toBe('1500');
    });

    test('keda: the same, asked of Prometheus, and no answer is no empty queue', () => {
      const { fallback, minReplicaCount, triggers } = scaler('keda', 'ScaledObject', 'cpu');
      expect(minReplicaCount).toBe(3);
      expect(fallback).toEqual({ failureThreshold: 3, replicas: 3, behavior: 'currentReplicasIfHigher' });
      expect(triggers[0].metricType).toBe('AverageValue');
      expect(triggers[0].metadata).toEqual({
        serverAddress: 'http://prometheus.monitoring:9090',
        query:
          'sum(max by (lane, state) (glyphmill_queue_jobs{namespace="reading",lane=~"interactive|bulk",' +
          'state=~"waiting|prioritized|active|delayed"}))',
        threshold: '10',
        ignoreNullValues: 'false',
      });
    });

    test('cpu: 70 %; none: no autoscaler at all', () => {
      const [metric] = scaler('cpu', 'HorizontalPodAutoscaler', 'cpu').metrics;
      expect(metric.resource).toEqual({ name: 'cpu', target: { type: 'Utilization', averageUtilization: 70 } });
      expect(ofKind('none', 'HorizontalPodAutoscaler')).toEqual([]);
      expect(ofKind('none', 'Deployment').map(({ spec }) => spec.replicas)).toEqual([3, 1, 5]);
    });

    test('replicas are said by an autoscaler or by the Deployment, never by both', () => {
      for (const set of Object.keys(valueSets)) {
        const scaled = [...ofKind(set, 'HorizontalPodAutoscaler'), ...ofKind(set, 'ScaledObject')];
        const names = new Set(scaled.map(({ spec }) => spec.scaleTargetRef.name as string));
        for (const { metadata, spec } of ofKind(set, 'Deployment')) {
          expect([metadata.name, spec.replicas === undefined]).toEqual([metadata.name, names.has(metadata.name)]);
        }
      }
    });

    test('one pod a minute goes, after five minutes, and no more than one is taken away at once', () => {
      for (const each of ofKind('minimal', 'HorizontalPodAutoscaler')) {
        expect(each['spec'].behavior.scaleDown).toEqual({
          stabilizationWindowSeconds: 300,
          policies: [{ type: 'Pods', value: 1, periodSeconds: 60 }],
        });
      }
      const budgets = ofKind('minimal', 'PodDisruptionBudget').map(({ metadata, spec }) => [
        metadata.name,
        spec.maxUnavailable,
      ]);
      expect(budgets).toEqual([
        ['ocr-glyphmill-api', 1],
        ['ocr-glyphmill-worker-cpu', 1],
      ]);
    });

    test("prometheus-adapter's rule is the one in files/, where the adapter can mount it", async () => {
      const rule = await readFile(join(chart, 'files/prometheus-adapter-rule.yaml'), 'utf8');
      const map = ofKind('everything', 'ConfigMap').find(({ metadata }) => metadata.name.endsWith('-adapter-rule'))!;
      expect(map.metadata).toMatchObject({ namespace: 'monitoring' });
      expect(manifestsOf(map['data']['config.yaml'])).toEqual([{ externalRules: manifestsOf(rule)[0] }]);
    });
  });

  describe('alerts and dashboards', () => {
    let copy: string;
    const rule = {
      groups: [
        {
          name: 'drawn',
          rules: [
            { alert: 'Drawn', expr: 'vector(1) > 0', annotations: { summary: '{{ $labels.lane }} is {{ $value }}' } },
          ],
        },
      ],
    };
    const board = { title: 'Drawn', panels: [{ title: '{{lane}}', targets: [{ legendFormat: '{{state}}' }] }] };
    const switchedOn = 'metrics: { prometheusRule: { enabled: true }, dashboards: { enabled: true } }';

    beforeAll(async () => {
      copy = await mkdtemp(join(tmpdir(), 'glyphmill-chart-'));
      await cp(chart, copy, { recursive: true });
      await writeFile(join(copy, 'switched-on.yaml'), switchedOn);
      for (const folder of ['rules', 'dashboards'])
        await rm(join(copy, 'files', folder), { recursive: true, force: true });
    });
    afterAll(() => rm(copy, { recursive: true }));

    const render = () =>
      runProgram(
        programs.helm,
        renderArguments({ from: copy, values: [...valueSets['minimal']!, join(copy, 'switched-on.yaml')] }),
      );

    test('are missing where the chart has none', async () => {
      expect((await render()).stderr).toContain('this copy of the chart holds no rules (files/rules)');
    });

    test('are what stands in the files, whatever it means to a template', async () => {
      for (const folder of ['rules', 'dashboards']) await mkdir(join(copy, 'files', folder));
      await writeFile(join(copy, 'files/rules/drawn.yml'), JSON.stringify(rule));
      await writeFile(join(copy, 'files/dashboards/drawn.json'), JSON.stringify(board));
      const { stdout, stderr } = await render();
      const made = manifestsOf(stdout);
      expect(made.find(({ kind }) => kind === 'PrometheusRule')?.['spec'], stderr).toEqual(rule);
      const map = made.find(({ metadata }) => metadata.name === 'ocr-glyphmill-dashboard-drawn')!;
      expect(JSON.parse(map['data']['drawn.json'])).toEqual(board);
      expect(map.metadata).toMatchObject({ labels: { grafana_dashboard: '1' } });
    });
  });

  describe('a GPU pool', () => {
    test('has a GPU, is allowed where GPUs are and goes nowhere else, and runs the image for it', () => {
      const { spec } = podOf('gpu', 'worker-gpu') as Pod & { spec: Record<string, unknown> };
      const [container] = spec.containers;
      expect(container!.image).toBe('glyphmill/worker-gpu:0.1.0');
      expect(container!.resources).toMatchObject({ limits: { 'nvidia.com/gpu': 1 } });
      expect(spec).toMatchObject({
        runtimeClassName: 'nvidia',
        nodeSelector: { 'nvidia.com/gpu.present': 'true' },
        tolerations: [{ key: 'nvidia.com/gpu', operator: 'Exists', effect: 'NoSchedule' }],
      });
      expect(container!.env).toContainEqual({ name: 'ENGINE_PROVIDER', value: 'cuda' });
    });

    test('has pools beside it that know nothing of GPUs', () => {
      const [container] = podOf('gpu', 'worker-cpu').spec.containers;
      expect(container!.image).toBe('glyphmill/worker:0.1.0');
      expect(JSON.stringify(container!.resources)).not.toContain('nvidia');
    });
  });

  describe('settings', () => {
    test('keep their digits', () => {
      const map = ofKind('everything', 'ConfigMap').find(({ data }) => data?.OPS_PORT !== undefined);
      expect(map!['data']).toMatchObject({
        MAX_IMAGE_BYTES: '20000000',
        RESULT_TTL_MS: '2592000000',
        MIN_CONFIDENCE: '0.6',
      });
    });

    test('replace the pods when they change', async () => {
      const checksum = (set: string) => ofKind(set, 'Deployment').map(({ spec }) => spec.template.metadata.annotations);
      expect(checksum('volume')).not.toEqual(checksum('minimal'));
      for (const annotations of checksum('minimal')) {
        expect(annotations).toEqual({
          'checksum/settings': expect.stringMatching(/^[0-9a-f]{64}$/),
          'checksum/secrets': expect.stringMatching(/^[0-9a-f]{64}$/),
        });
      }
    });

    test('nothing secret stands outside of Secrets, and workers get neither the password nor the key', () => {
      for (const set of ['everything', 'processes', 'minimal']) {
        const others = manifests(set).filter(({ kind }) => kind !== 'Secret');
        expect(JSON.stringify(others)).not.toMatch(/swordfish|a-key-of-16-characters/);
        for (const { component, spec } of podsOf(others).filter((pod) => pod.component.startsWith('worker'))) {
          const names = spec.containers[0]!.env!.map(({ name }) => name);
          expect(names, component).not.toContain('BASIC_AUTH_PASSWORD');
          expect(names, component).not.toContain('WEBHOOK_SECRET');
        }
      }
    });

    test('come from the Secrets that the user names', () => {
      const refs = podsOf(manifests('secrets')).flatMap(({ spec }) =>
        spec.containers[0]!.env!.flatMap(({ name, valueFrom }) =>
          valueFrom?.secretKeyRef ? [`${name}: ${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`] : [],
        ),
      );
      expect([...new Set(refs)].toSorted()).toEqual([
        'BASIC_AUTH_PASSWORD: visitors/BASIC_AUTH_PASSWORD',
        'BASIC_AUTH_USERNAME: visitors/BASIC_AUTH_USERNAME',
        'DATABASE_URL: postgres-credentials/uri',
        'DATABASE_URL: postgres-owner/uri',
        'REDIS_URL: redis-credentials/url',
        'S3_ACCESS_KEY_ID: s3-credentials/S3_ACCESS_KEY_ID',
        'S3_SECRET_ACCESS_KEY: s3-credentials/S3_SECRET_ACCESS_KEY',
        'WEBHOOK_SECRET: webhook-key/WEBHOOK_SECRET',
      ]);
      expect(ofKind('secrets', 'Secret')).toEqual([]);
    });
  });

  describe('the network', () => {
    const worker = (set: string) => podOf(set, 'worker-cpu').labels;
    const redis = '10.1.0.6';
    const postgres = '10.1.0.5';

    test('of each pod is closed both ways but for what a policy allows', () => {
      for (const set of Object.keys(valueSets).filter((each) => each !== 'none')) {
        for (const { name, labels } of podsOf(manifests(set))) {
          const types = policiesFor(manifests(set), labels).flatMap(({ spec }) => spec.policyTypes as string[]);
          expect([...new Set(types)].toSorted(), `${set} ${name}`).toEqual(['Egress', 'Ingress']);
        }
      }
      expect(ofKind('none', 'NetworkPolicy')).toEqual([]);
    });

    test.each([
      ['169.254.169.254', 80],
      ['10.0.0.1', 443],
      ['172.20.0.1', 443],
      ['192.168.1.1', 80],
      ['100.64.0.1', 80],
      ['127.0.0.1', 6379],
      ['fd00::1', 443],
      ['fe80::1', 80],
      ['::1', 80],
      ['64:ff9b::a00:1', 80],
      ['2002:a00:1::', 80],
      [redis, 22],
      [postgres, 6379],
    ])('of a worker does not lead to %s port %d', (address, port) => {
      expect(mayReach(manifests('minimal'), worker('minimal'), address, port)).toBe(false);
    });

    test('of a worker leads to Redis, Postgres, the public internet and the ranges of FETCH_ALLOW_CIDRS', () => {
      const reaches = (set: string, address: string, port: number, component = 'worker-cpu') =>
        mayReach(manifests(set), podOf(set, component).labels, address, port);
      expect(reaches('minimal', redis, 6379)).toBe(true);
      expect(reaches('minimal', postgres, 5432)).toBe(true);
      expect(reaches('minimal', '93.184.215.14', 8443)).toBe(true);
      expect(reaches('minimal', '2606:2800:21f::1', 443)).toBe(true);
      expect(reaches('everything', '93.184.215.14', 443)).toBe(true);
      expect(reaches('everything', '93.184.215.14', 8443)).toBe(false);
      expect(reaches('everything', '10.9.4.4', 80)).toBe(true);
      expect(reaches('everything', 'fd00:9::4', 80)).toBe(true);
      expect(reaches('lanes', '10.9.4.4', 80, 'worker-bulk')).toBe(true);
      expect(reaches('lanes', '10.9.4.4', 80, 'worker-cpu')).toBe(false);
      const trialRedis = podOf('trial', 'redis').labels;
      expect(mayReachPods(manifests('trial'), worker('trial'), trialRedis, 6379)).toBe(true);
      expect(mayReachPods(manifests('trial'), worker('trial'), podOf('trial', 'api').labels, 8000)).toBe(false);
    });

    test('of the public internet is what the services themselves take for it', () => {
      const everything = manifests('minimal');
      const labels = worker('minimal');
      const isPublic = createAddressPolicy([]);
      const byte = fc.integer({ min: 0, max: 255 });
      // Half of them from where the ranges are that are not public.
      const first = fc.oneof(byte, fc.constantFrom(0, 10, 100, 127, 169, 172, 192, 198, 203, 224, 240));
      const second = fc.oneof(byte, fc.constantFrom(0, 18, 31, 51, 52, 64, 88, 168, 175, 254));
      const third = fc.oneof(byte, fc.constantFrom(0, 2, 48, 99, 100, 113, 193, 196));
      const ipv4 = fc.tuple(first, second, third, byte).map((parts) => parts.join('.'));
      const ipv6 = fc
        .tuple(
          fc.oneof(
            fc.integer({ min: 0x2000, max: 0x3fff }),
            fc.constantFrom(0x2001, 0x2002, 0x2620, 0x3fff, 0xfd00, 0xfe80),
          ),
          fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0, 0xdb8, 0x1ff, 0x200, 0x4f)),
          fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.constantFrom(0x8000, 0)),
        )
        .map((parts) => `${parts.map((part) => part.toString(16)).join(':')}::1`);
      fc.assert(
        fc.property(fc.oneof(ipv4, ipv6), (address) => {
          expect(mayReach(everything, labels, address, 8080)).toBe(isPublic(address));
        }),
        { numRuns: 2_000 },
      );
    });

    test('of API and page leads outside for webhooks alone', () => {
      const reaches = (set: string, component: string) =>
        mayReach(manifests(set), podOf(set, component).labels, '93.184.215.14', 8443);
      expect(reaches('volume', 'api')).toBe(false);
      expect(reaches('volume', 'web')).toBe(false);
      expect(reaches('volume', 'ingest')).toBe(false);
      expect(reaches('processes', 'api')).toBe(true);
      expect(mayReach(manifests('processes'), podOf('processes', 'api').labels, '169.254.169.254', 80)).toBe(false);
    });

    test('of the migration leads to its own database where it has one, and to the one of the services where not', () => {
      const reaches = (set: string, address: string, port: number) =>
        mayReach(manifests(set), podOf(set, 'migration').labels, address, port);
      expect(reaches('minimal', postgres, 5432)).toBe(true);
      expect(reaches('everything', '10.2.0.7', 6543)).toBe(true);
      expect(reaches('everything', postgres, 5432)).toBe(false);
      expect(reaches('secrets', '10.1.0.17', 5432)).toBe(true);
      expect(reaches('secrets', '10.1.0.5', 6432)).toBe(false);
    });

    test('of S3 leads to its public port, or to where the values say that it is', () => {
      const reaches = (set: string, address: string, port: number) =>
        mayReach(manifests(set), podOf(set, 'web').labels, address, port);
      expect(reaches('minimal', '52.219.0.1', 443)).toBe(true);
      expect(reaches('minimal', '52.219.0.1', 80)).toBe(false);
      expect(reaches('secrets', '52.219.0.1', 443)).toBe(false);
    });
  });
});
