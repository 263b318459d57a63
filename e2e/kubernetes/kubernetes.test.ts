import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countUnfinished, installAudit, readJobs } from '../src/audit.ts';
import { delay, eventually } from '../src/eventually.ts';
import { autoscalerSyncSeconds, Cluster, namespace, release } from './src/cluster.ts';
import { type ClusterMetrics, startClusterMetrics } from './src/cluster-metrics.ts';
import { type ApiObject, KubernetesError } from './src/kubernetes-client.ts';
import type { Pod } from './src/pod-types.ts';
import type { EndedContainer } from './src/process-kubelet.ts';
import { findPrograms, type Programs } from './src/programs.ts';
import { drawTimeline } from './src/scaling-plot.ts';
import { type Observation, TimelineRecorder, toCsv } from './src/scaling-timeline.ts';
import { describeWorkerEnd } from './src/worker-end.ts';

const programs = await findPrograms();
if (typeof programs === 'string') console.warn(`The tests of the chart on a control plane are skipped: ${programs}`);

const minutes = 60_000;
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const valuesFile = here('values/release.yaml');
/** As in values/release.yaml. */
const pool = { min: 1, max: 4, jobsPerPod: 30 };
const workers = `${release}-worker-cpu`;
const autoscaler = `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/${workers}`;

interface Deployment extends ApiObject {
  readonly spec: { readonly replicas: number; readonly template: Pod };
}

interface Autoscaler extends ApiObject {
  readonly status?: { readonly desiredReplicas?: number };
}

/** The life of one release, from the first install to its end; each test goes on from the last. */
describe.skipIf(typeof programs === 'string')('a release on a real control plane', () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await Cluster.start(programs as Programs);
  }, 10 * minutes);

  afterAll(async () => {
    await cluster?.stop();
  }, 5 * minutes);

  const values = () => ({ files: [valuesFile, cluster.valuesFile] });
  const deployment = (name: string): Promise<Deployment> =>
    cluster.client.get(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`);
  const endedSince = (count: number, component: string): readonly EndedContainer[] =>
    cluster.kubelet.ended
      .slice(count)
      .filter(({ pod }) => pod.metadata.labels?.['app.kubernetes.io/component'] === component);

  /** Every job that was accepted has been read, once. */
  async function expectAllRead(ids: readonly string[], timeoutMs: number): Promise<void> {
    await eventually(async () => (await countUnfinished(cluster.database)) === 0, {
      timeoutMs,
      everyMs: 250,
      what: 'all jobs to end',
    });
    const jobs = new Map((await readJobs(cluster.database)).map((job) => [job.id, job]));
    const wrong = ids.filter((id) => {
      const job = jobs.get(id);
      return job?.state !== 'succeeded' || job.timesEnded !== 1 || job.linesWritten !== job.lines.length;
    });
    expect(wrong.map((id) => jobs.get(id) ?? id)).toEqual([]);
  }

  test(
    'helm install --wait ends when all pods are ready',
    async () => {
      await cluster.helm.install(values());
      // Of each at least the one that a Deployment begins with; the autoscaler makes two of the API's.
      for (const component of ['api', 'worker-cpu', 'web']) expect(await cluster.readyPods(component)).not.toEqual([]);
      await eventually(async () => (await cluster.readyPods('api')).length === 2, {
        timeoutMs: 1 * minutes,
        what: 'two pods of the API',
      });
      // The migration's pod has made it, since no service may.
      await installAudit(cluster.database);
      expect((await cluster.ask('/jobs')).json).toMatchObject({ jobs: [] });
    },
    10 * minutes,
  );

  test('the namespace admits only restricted pods, and those of the chart are', async () => {
    const { spec } = await deployment(workers);
    const template = { ...spec.template, metadata: { ...spec.template.metadata, name: 'tried' } };
    const attempt = (pod: object): Promise<unknown> =>
      cluster.client.create(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, pod);
    await attempt(template);
    const [container] = template.spec.containers;
    const privileged = {
      ...template,
      spec: { ...template.spec, containers: [{ ...container, securityContext: { privileged: true } }] },
    };
    const refused = await attempt(privileged).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(KubernetesError);
    expect(String(refused)).toMatch(/403 .*violates PodSecurity "restricted:latest": privileged/);
  });

  test('helm test reads its sample through the API', { timeout: 6 * minutes }, async () => {
    expect(await cluster.helm.test()).toMatch(/Phase:\s+Succeeded/);
  });

  test(
    'helm upgrade replaces pods whose settings have changed while jobs go on',
    async () => {
      const uidsOf = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.uid);
      const replaced = ['api', 'worker-cpu'];
      const before = (await Promise.all(replaced.map((name) => cluster.pods(name)))).map(uidsOf);
      const count = cluster.kubelet.ended.length;
      const accepted = await cluster.submit('giftCard', 30);
      await cluster.helm.upgrade({ ...values(), set: { 'settings.LOG_LEVEL': 'debug' } });
      // Helm has waited for the new ones, and not for the end of the old ones.
      for (const [index, name] of replaced.entries()) {
        await eventually(async () => uidsOf(await cluster.pods(name)).every((uid) => !before[index]!.includes(uid)), {
          timeoutMs: 3 * minutes,
          what: `the old pods of ${name} to go`,
        });
      }
      const after = await cluster.readyPods('worker-cpu');
      expect(after.length).toBeGreaterThanOrEqual(pool.min);
      await expectAllRead(accepted, 5 * minutes);
      const ends = endedSince(count, 'worker-cpu').map(describeWorkerEnd);
      expect(ends.length).toBeGreaterThanOrEqual(before[1]!.length);
      expect(ends.filter(({ hasDrained, givenBack }) => !hasDrained || givenBack !== 0)).toEqual([]);
      expect(endedSince(count, 'api').map(({ exit }) => exit)).toEqual([
        { code: 0, signal: null },
        { code: 0, signal: null },
      ]);
    },
    12 * minutes,
  );

  describe('the autoscaler', () => {
    let metrics: ClusterMetrics;

    beforeAll(async () => {
      const rule = await readFile(here('../../charts/glyphmill/files/prometheus-adapter-rule.yaml'), 'utf8');
      const { prometheus, prometheusAdapter } = programs as Programs;
      metrics = await startClusterMetrics({
        controlPlane: cluster.controlPlane,
        prometheus,
        prometheusAdapter,
        folder: join(cluster.folder, 'metrics'),
        adapterRules: `externalRules:\n${rule}`,
      });
    }, 5 * minutes);

    afterAll(async () => {
      await metrics?.stop();
    }, 1 * minutes);

    async function readLoad(): Promise<number | undefined> {
      const lanes = 'lane in (bulk,interactive)';
      const perLane = await metrics.read({ namespace, metric: 'glyphmill_queue_load', selector: lanes });
      return perLane.length === 0 ? undefined : perLane.reduce((sum, jobs) => sum + jobs, 0);
    }

    async function observe(): Promise<Observation> {
      const [jobs, load, { status }, pods, ready] = await Promise.all([
        cluster.database.query<{ state: string; n: string }>('SELECT state, count(*) AS n FROM jobs GROUP BY state'),
        readLoad(),
        cluster.client.get<Autoscaler>(autoscaler),
        cluster.pods('worker-cpu'),
        cluster.readyPods('worker-cpu'),
      ]);
      const count = (...states: string[]): number =>
        jobs.filter(({ state }) => states.includes(state)).reduce((sum, { n }) => sum + Number(n), 0);
      return {
        unfinished: count('queued', 'active'),
        load,
        finished: count('succeeded', 'failed', 'canceled'),
        desired: status?.desiredReplicas ?? 0,
        ready: ready.length,
        ending: pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined).length,
      };
    }

    test(
      'a burst makes it add workers, which drain the queue and go again with nothing lost',
      async () => {
        const jobs = Number(process.env['E2E_BURST'] ?? 400);
        const hpaSees = async (isSo: (load: number) => boolean): Promise<boolean> => {
          const load = await readLoad();
          return load !== undefined && isSo(load);
        };
        await eventually(() => hpaSees((load) => load === 0), { timeoutMs: 2 * minutes, what: 'the metric' });
        await eventually(async () => (await deployment(workers)).spec.replicas === pool.min, {
          timeoutMs: 3 * minutes,
          what: 'what the upgrade has left to be scaled in',
        });
        await cluster.settled();
        await eventually(
          async () => (await cluster.client.get<Autoscaler>(autoscaler)).status?.desiredReplicas === pool.min,
          {
            timeoutMs: 1 * minutes,
            what: 'the autoscaler to have seen the metric',
          },
        );
        const ended = cluster.kubelet.ended.length;
        const finishedBefore = (await readJobs(cluster.database)).length;
        const recorder = new TimelineRecorder(async () => {
          const { finished, ...seen } = await observe();
          return { ...seen, finished: finished - finishedBefore };
        });
        await delay(3_000);

        const accepted = [...(await cluster.submit('giftCard', jobs))];
        const burst = { seconds: recorder.seconds, label: `${jobs} jobs` };
        await eventually(() => hpaSees((load) => load > pool.jobsPerPod), { timeoutMs: 1 * minutes, what: 'the load' });
        const metricAt = recorder.seconds;
        await eventually(async () => (await deployment(workers)).spec.replicas > pool.min, {
          timeoutMs: 2 * minutes,
          what: 'more replicas',
        });
        const scaledAt = recorder.seconds;

        await eventually(async () => (await countUnfinished(cluster.database)) === 0, {
          timeoutMs: 15 * minutes,
          everyMs: 250,
          what: 'the queue to be drained',
        });
        const drained = { seconds: recorder.seconds, label: 'drained' };
        // Workers that go have something to do.
        while ((await deployment(workers)).spec.replicas > pool.min) {
          accepted.push(...(await cluster.submit('giftCard', 1)));
          await delay(500);
        }
        await expectAllRead(accepted, 2 * minutes);
        await cluster.settled();
        await delay(5_000);
        const moments = await recorder.stop();
        await keepTimeline({ moments, marks: [burst, drained] });

        const ends = endedSince(ended, 'worker-cpu').map(describeWorkerEnd);
        console.log({
          metricAfterSeconds: metricAt - burst.seconds,
          scaledAfterSeconds: scaledAt - metricAt,
          drainedAfterSeconds: drained.seconds - burst.seconds,
          accepted: accepted.length,
          ends,
        });
        expect(scaledAt - metricAt).toBeLessThanOrEqual(2 * autoscalerSyncSeconds);
        expect(Math.max(...moments.map(({ desired }) => desired))).toBe(pool.max);
        expect(Math.max(...moments.map(({ ready }) => ready))).toBeGreaterThan(pool.min);
        expect(moments.at(-1)).toMatchObject({
          unfinished: 0,
          finished: accepted.length,
          desired: pool.min,
          ready: pool.min,
          ending: 0,
        });
        const steps = moments.slice(1).map(({ desired }, index) => desired - moments[index]!.desired);
        expect(steps.filter((step) => step < -1)).toEqual([]);
        expect(ends).toHaveLength(pool.max - pool.min);
        expect(ends.filter(({ hasDrained, givenBack }) => !hasDrained || givenBack !== 0)).toEqual([]);
      },
      30 * minutes,
    );
  });

  test('helm uninstall ends all pods and keeps the images', { timeout: 6 * minutes }, async () => {
    const count = cluster.kubelet.ended.length;
    await cluster.helm.uninstall();
    const namesOfPods = async (): Promise<readonly string[]> => {
      const pods = await cluster.client.list<Pod>(`/api/v1/namespaces/${namespace}/pods`);
      return pods.map(({ metadata }) => metadata.name);
    };
    // Helm leaves what `helm test` has made.
    await eventually(async () => (await namesOfPods()).every((name) => name === `${release}-test`), {
      timeoutMs: 3 * minutes,
      what: 'all pods to go',
    });
    const exits = cluster.kubelet.ended.slice(count).map(({ pod, exit }) => ({ pod: pod.metadata.name, ...exit }));
    expect(exits.filter(({ code }) => code !== 0)).toEqual([]);
    const claims = await cluster.client.list(`/api/v1/namespaces/${namespace}/persistentvolumeclaims`);
    expect(claims).toHaveLength(1);
    expect(cluster.kubelet.failures).toEqual([]);
  });
});

/** Beside the pages that show it, where E2E_TIMELINE=1 asks for that; else where nobody but a reader of failures looks. */
async function keepTimeline(timeline: Pick<Parameters<typeof drawTimeline>[0], 'moments' | 'marks'>): Promise<void> {
  const folder = here(process.env['E2E_TIMELINE'] === '1' ? '../../docs/' : '../../node_modules/.cache/');
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'scaling-timeline.csv'), toCsv(timeline.moments));
  const title = `A burst of jobs, ${pool.min} to ${pool.max} workers, ${pool.jobsPerPod} jobs for each`;
  await writeFile(join(folder, 'scaling-timeline.svg'), drawTimeline({ title, ...timeline }));
}
