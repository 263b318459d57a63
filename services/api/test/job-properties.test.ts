import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createJobsApp, imageUrl, type JobsApp, type JobsFixture, openJobsFixture } from './jobs-app.ts';
import { problemOf } from './test-app.ts';

let fixture: JobsFixture;
let app: JobsApp;

beforeAll(async () => {
  fixture = await openJobsFixture();
  app = createJobsApp(fixture);
});
afterAll(() => fixture.close());

const image = fc.record(
  {
    image_url: fc.constantFrom('https://example.com/1.png', 'https://example.com/2.png', 'data:,x'),
    priority: fc.constantFrom(1, 100),
    metadata: fc.constantFrom({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }, {}),
    deadline_ms: fc.constant(60_000),
  },
  { requiredKeys: ['image_url'] },
);
const key = fc.constantFrom('a', 'b', 'c');
const single = fc.record({ kind: fc.constant('single' as const), key, image });
const batch = fc.record({
  kind: fc.constant('batch' as const),
  key,
  images: fc.array(image, { minLength: 1, maxLength: 3 }),
});
const mixed = fc.record({
  kind: fc.constant('own keys' as const),
  images: fc.uniqueArray(fc.record({ key, image }), { selector: (entry) => entry.key, minLength: 1, maxLength: 3 }),
});

/** What makes two images the same request: the order of members and what is the default do not count. */
function meaning(value: Record<string, unknown>): string {
  const sort = (member: unknown): unknown =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).toSorted(([a], [b]) => a.localeCompare(b)))
      : member;
  return JSON.stringify(sort({ priority: 100, ...value, metadata: sort(value['metadata']) }));
}

describe('idempotency', () => {
  test('one key, one request: the same gives the same jobs, another is refused and changes nothing', async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(single, batch, mixed), { maxLength: 12 }), async (requests) => {
        const prefix = `run-${run++}-`;
        /** By key: what was asked first under it, and the job that came of it. */
        const known = new Map<string, { meaning: string; id: string }>();
        for (const request of requests) {
          const before = await fixture.store.countUnfinished();
          const asked =
            request.kind === 'own keys'
              ? request.images.map((entry) => ({ key: entry.key, meaning: meaning(entry.image) }))
              : request.kind === 'single'
                ? [{ key: request.key, meaning: meaning(request.image) }]
                : request.images.map((_, index) => ({
                    key: index === 0 ? request.key : `${request.key}#${index}`,
                    meaning: request.images.map(meaning).join(),
                  }));
          // A batch of one image is another request than that image alone.
          const marked =
            request.kind === 'batch' ? asked.map((entry) => ({ ...entry, meaning: `[${entry.meaning}]` })) : asked;
          const conflicts = marked.some(({ key: k, meaning: m }) => (known.get(k)?.meaning ?? m) !== m);
          const response =
            request.kind === 'own keys'
              ? await app.post({
                  images: request.images.map((entry) => ({ ...entry.image, idempotency_key: prefix + entry.key })),
                })
              : await app.post(request.kind === 'single' ? request.image : { images: request.images }, {
                  'idempotency-key': prefix + request.key,
                });
          if (conflicts) {
            expect(await problemOf(response)).toMatchObject({ status: 422, code: 'idempotency_conflict' });
            expect(await fixture.store.countUnfinished()).toBe(before);
            continue;
          }
          expect(response.status).toBe(202);
          const body = (await response.json()) as { id: string } | { jobs: { id: string }[] };
          const ids = 'jobs' in body ? body.jobs.map(({ id }) => id) : [body.id];
          let created = 0;
          for (const [index, { key: k, meaning: m }] of marked.entries()) {
            const id = ids[index] ?? '';
            if (!known.has(k)) created++;
            expect(known.get(k)?.id ?? id).toBe(id);
            known.set(k, { meaning: m, id });
          }
          expect(await fixture.store.countUnfinished()).toBe(before + created);
        }
        expect(new Set([...known.values()].map(({ id }) => id)).size).toBe(known.size);
      }),
      { numRuns: 60 },
    );
  });
});

describe('GET /jobs', () => {
  /** Follows the pages as programs do, by `Link`. */
  async function follow(first: string, betweenPages: () => Promise<void> = () => Promise.resolve()) {
    const ids: string[] = [];
    let next: string | undefined = first;
    while (next !== undefined) {
      const response = await app.request(next);
      const body = (await response.json()) as { jobs: { id: string }[]; next_cursor?: string };
      const link: string | undefined = /^<(.+)>; rel="next"$/.exec(response.headers.get('link') ?? '')?.[1];
      expect(link === undefined).toBe(body.next_cursor === undefined);
      if (link !== undefined) expect(new URLSearchParams(link.split('?')[1]).get('cursor')).toBe(body.next_cursor);
      ids.push(...body.jobs.map(({ id }) => id));
      next = link;
      await betweenPages();
    }
    return ids;
  }

  const submitMany = async (count: number) => {
    const images = Array.from({ length: count }, () => ({ image_url: imageUrl }));
    return (await app.submitBatch({ images })).jobs.map(({ id }) => id);
  };

  test('every job once, whatever the size of a page and whatever comes or ends meanwhile', async () => {
    const moves = fc.constantFrom('a job', 'a batch', 'a cancel', 'nothing');
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(moves, { minLength: 1, maxLength: 10 }),
        async (count, limit, meanwhile) => {
          const before = await follow('/jobs?limit=1000');
          const own = await submitMany(count);
          let turn = 0;
          const seen = await follow(`/jobs?limit=${limit}`, async () => {
            const move = meanwhile[turn++ % meanwhile.length];
            if (turn > 200) return;
            if (move === 'a job') await app.submit();
            if (move === 'a batch') await submitMany(3);
            if (move === 'a cancel') await app.cancel(own[turn % own.length] ?? '');
          });
          expect(new Set(seen).size).toBe(seen.length);
          expect(new Set(seen)).toEqual(new Set([...before, ...own]));
        },
      ),
      { numRuns: 15 },
    );
  });

  test('of a batch, and by state', async () => {
    const images = Array.from({ length: 10 }, () => ({ image_url: imageUrl }));
    const { batch: id, jobs } = await app.submitBatch({ images });
    for (const job of jobs.slice(0, 4)) await app.cancel(job.id);
    const list = (query: string) => follow(`/jobs?batch=${id}${query}&limit=3`);
    const ids = jobs.map((job) => job.id);
    expect(new Set(await list(''))).toEqual(new Set(ids));
    expect(new Set(await list('&state=canceled'))).toEqual(new Set(ids.slice(0, 4)));
    expect(new Set(await list('&state=queued'))).toEqual(new Set(ids.slice(4)));
    expect(new Set(await list('&state=queued,canceled'))).toEqual(new Set(ids));
    expect(new Set(await list('&state=queued&state=canceled'))).toEqual(new Set(ids));
    expect(await list('&state=succeeded')).toEqual([]);
    expect(await list('&unknown=1')).toHaveLength(10);
  });

  test('newest first, without results', async () => {
    const first = await app.submit();
    const second = await app.submit();
    const { jobs } = await app.list('?limit=2');
    expect(jobs.map(({ id }) => id)).toEqual([second.id, first.id]);
    expect(jobs[0]).not.toHaveProperty('position');
    expect(jobs[0]).toMatchObject({ state: 'queued', source: { kind: 'url' } });
  });

  test.each([
    ['state=done', 'state'],
    ['state=queued,', 'state'],
    ['state=', 'state'],
    ['batch=', 'batch'],
    ['limit=', 'limit'],
    ['cursor=', 'cursor'],
    ['state=queued,done', 'state'],
    ['batch=x', 'batch'],
    ['limit=0', 'limit'],
    ['limit=1001', 'limit'],
    ['limit=-1', 'limit'],
    ['limit=1.5', 'limit'],
    ['limit=x', 'limit'],
    ['cursor=NO', 'cursor'],
    [`cursor=${'x'.repeat(501)}`, 'cursor'],
    ['cursor=%00', 'cursor'],
  ])('%s', async (query, pointer) => {
    const response = await app.request(`/jobs?${query}`);
    expect(await problemOf(response)).toMatchObject({ status: 422, code: 'invalid_request', errors: [{ pointer }] });
  });
});
