import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { expect } from 'vitest';
import { type AuditedJob, type AuditedLine, countUnfinished, installAudit, readJobs } from './audit.ts';
import { delay, eventually } from './eventually.ts';
import type { Answer } from './http-client.ts';
import { type JobRequest, toBatchRequest, toUploadRequest, toUrlRequest } from './job-request.ts';
import { openPostgresDatabase } from './postgres-database.ts';
import { openSqliteDatabase } from './sqlite-database.ts';
import { codeOf, type Stack, textsOf } from './stack.ts';
import type { TestDatabase } from './test-database.ts';
import { codeLine, giftCardLines, type TestImages } from './test-images.ts';

export type Picture = keyof TestImages;

export interface Order {
  readonly picture: Picture;
  readonly via: 'url' | 'upload';
  /** Where it is fetched from; the image server's plain URL of the picture if not said. */
  readonly url?: string;
  /** Sent as `Prefer: wait=N`. */
  readonly waitSeconds?: number;
  readonly priority?: number;
  /** Where its end is posted to. */
  readonly callbackUrl?: string;
}

/**
 * What became of a request, as far as its sender can know: `accepted` means that a 2xx was seen, `refused` an error,
 * `unknown` that the connection broke before the answer.
 */
export type Fate = 'accepted' | 'refused' | 'unknown';

export interface Entry {
  /** Its Idempotency-Key, and so the one thing that is known of it before the answer. */
  readonly key: string;
  readonly picture: Picture;
  readonly request: JobRequest;
  fate: Fate;
  id: string | undefined;
  /** Status and code of a refusal. */
  refusal: { readonly status: number; readonly code: string | undefined } | undefined;
  /** `unknown`: it was asked for, and the answer did not come. */
  cancel: 'not_asked' | 'canceled' | 'too_late' | 'unknown';
}

/** What a picture says when nothing disturbs its reading. */
type Readings = ReadonlyMap<Picture, readonly AuditedLine[]>;

/** What the bars allow between the end of a fault and the end of the last job. */
export const recoveryMs = 30_000;
/** A page that was read and stored leaves the queue a moment later; one whose worker died in between, after its mourning. */
const emptyQueueMs = 30_000;
const retryEveryMs = 250;

/**
 * Keeps its own books of what was asked of a stack and compares them with what the database holds: every accepted job has
 * its end, once, with the text of an undisturbed reading, and there is no job that nobody asked for.
 */
export class Ledger {
  readonly stack: Stack;
  readonly database: TestDatabase;
  readonly entries: Entry[] = [];
  readonly #readings: Readings;
  /** Answers with which the API owned up to a fault of its own: nothing that these tests do may lead to one. */
  readonly #defects: string[] = [];

  private constructor(parts: { stack: Stack; database: TestDatabase; readings: Readings }) {
    this.stack = parts.stack;
    this.database = parts.database;
    this.#readings = parts.readings;
  }

  /** Reads each picture once while all is well. */
  static async open(
    stack: Stack,
    pictures: readonly Picture[] = ['giftCard', 'small', 'long', 'blank'],
  ): Promise<Ledger> {
    const database =
      stack.postgres === undefined
        ? openSqliteDatabase(join(stack.dataDir, 'ocr_data.db'))
        : openPostgresDatabase(stack.postgres.url);
    await eventually(async () => (await stack.send({ path: '/jobs?limit=1' })).status === 200, {
      timeoutMs: 60_000,
      everyMs: 100,
      what: 'the store to be open',
    });
    await installAudit(database);
    const readings = new Map<Picture, readonly AuditedLine[]>();
    const ledger = new Ledger({ stack, database, readings });
    const undisturbed = await Promise.all(pictures.map((picture) => ledger.submit({ picture, via: 'upload' })));
    await ledger.#allEnded(120_000);
    const jobs = new Map((await readJobs(database)).map((job) => [job.id, job]));
    for (const { id, picture, refusal } of undisturbed) {
      const job = jobs.get(id ?? '');
      if (job?.state !== 'succeeded')
        throw new Error(`${picture} is not readable: ${JSON.stringify(refusal ?? job)}\n${stack.complaints()}`);
      readings.set(picture, job.lines);
      stack.noteTexts(job.lines.map(({ text }) => text));
    }
    expect(readings.get('small')?.map(({ text }) => text) ?? [codeLine]).toEqual([codeLine]);
    expect(readings.get('giftCard')?.map(({ text }) => text) ?? giftCardLines).toEqual(giftCardLines);
    expect(readings.get('blank') ?? []).toEqual([]);
    return ledger;
  }

  /** Never rejects: a broken connection is a fate, too. */
  async submit(order: Order): Promise<Entry> {
    const entry = this.#write(order);
    await this.#send(entry);
    return entry;
  }

  submitMany(orders: readonly Order[]): Promise<Entry[]> {
    return Promise.all(orders.map((order) => this.submit(order)));
  }

  /** One request with many images, each with a key of its own. */
  async submitBatch(picture: Picture, count: number): Promise<Entry[]> {
    const entries = Array.from({ length: count }, () => this.#write({ picture, via: 'url' }));
    const images = entries.map(({ key, request }) => ({
      ...(JSON.parse(String(request.body)) as object),
      idempotency_key: key,
    }));
    const answer = await this.#post(toBatchRequest(images));
    const ids = (answer?.json as { jobs?: { id: string }[] } | undefined)?.jobs?.map(({ id }) => id);
    for (const [index, entry] of entries.entries()) this.#note(entry, answer, ids?.[index]);
    return entries;
  }

  /** The same request many times at once; gives all answers. */
  async submitAtOnce(order: Order, times: number): Promise<(Answer | undefined)[]> {
    const entry = this.#write(order);
    const answers = await Promise.all(Array.from({ length: times }, () => this.repeat(entry)));
    for (const answer of answers) this.#note(entry, answer, idOf(answer));
    return answers;
  }

  /** Sends only the first half of the body, and waits for the connection to break. */
  async submitHalf(order: Order): Promise<Entry> {
    const entry = this.#write(order);
    const body = Buffer.from(entry.request.body);
    const half = new Readable({ read: () => undefined });
    half.push(body.subarray(0, body.length / 2));
    const headers = { ...entry.request.headers, 'idempotency-key': entry.key, 'content-length': String(body.length) };
    const answer = await this.stack.send({ method: 'POST', path: '/jobs', headers, body: half }).catch(() => undefined);
    this.#note(entry, answer, undefined);
    return entry;
  }

  /** The same request once more. */
  async repeat(entry: Entry): Promise<Answer | undefined> {
    return this.#post(entry.request, { 'idempotency-key': entry.key });
  }

  /** An entry for a request that the test sends by itself. */
  #write(order: Order): Entry {
    const { picture, via, waitSeconds, priority, callbackUrl } = order;
    const options = {
      ...(priority !== undefined && { priority }),
      ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    };
    const request =
      via === 'upload'
        ? toUploadRequest(this.stack.pictures[picture], options)
        : toUrlRequest({ image_url: order.url ?? this.stack.pictureUrl(picture), ...options });
    const headers = { ...request.headers, ...(waitSeconds !== undefined && { prefer: `wait=${waitSeconds}` }) };
    const entry: Entry = {
      key: randomUUID(),
      picture,
      request: { ...request, headers },
      fate: 'unknown',
      id: undefined,
      refusal: undefined,
      cancel: 'not_asked',
    };
    this.entries.push(entry);
    return entry;
  }

  async #send(entry: Entry): Promise<void> {
    const answer = await this.repeat(entry);
    this.#note(entry, answer, idOf(answer));
  }

  async #post(request: JobRequest, headers: Readonly<Record<string, string>> = {}): Promise<Answer | undefined> {
    return this.stack
      .send({ method: 'POST', path: '/jobs', headers: { ...request.headers, ...headers }, body: request.body })
      .catch(() => undefined);
  }

  #note(entry: Entry, answer: Answer | undefined, id: string | undefined): void {
    if (answer === undefined) return;
    const isAccepted = answer.status === 202 || answer.status === 200;
    entry.fate = isAccepted ? 'accepted' : 'refused';
    entry.refusal = isAccepted ? undefined : { status: answer.status, code: codeOf(answer) };
    if (isAccepted) entry.id = id;
    this.#noteDefect('POST /jobs', answer);
  }

  /** An error that was repeated away would be forgotten otherwise. */
  #noteDefect(request: string, { status, json }: Answer): void {
    if (status === 500) this.#defects.push(`${request} was answered 500 ${codeOf({ json }) ?? ''}`);
  }

  /** Asks for it once; what is not answered may have happened. */
  async cancel(entry: Entry): Promise<void> {
    const answer = await this.stack.send({ method: 'DELETE', path: `/jobs/${entry.id}` }).catch(() => undefined);
    if (answer !== undefined) this.#noteDefect('DELETE /jobs/{id}', answer);
    if (answer === undefined || answer.status >= 500) entry.cancel = 'unknown';
    else if (answer.status === 200) entry.cancel = 'canceled';
    else {
      expect(codeOf(answer)).toBe('job_not_cancelable');
      entry.cancel = 'too_late';
    }
  }

  /**
   * Does what an honest client does whose answer never came, or who was told to come back: sends the same again until it
   * knows.
   */
  async insist(withinMs = recoveryMs): Promise<void> {
    const until = Date.now() + withinMs;
    const insistOn = async (entry: Entry): Promise<void> => {
      do {
        await this.#send(entry);
        if (entry.id === undefined) await delay(retryEveryMs);
      } while (entry.id === undefined && Date.now() < until);
      expect(entry.fate, JSON.stringify(entry.refusal)).toBe('accepted');
    };
    await Promise.all(this.entries.filter(({ fate }) => fate !== 'accepted').map(insistOn));
  }

  /** All accepted jobs have ended within `withinMs` of the end of the fault, and the books are right. */
  async settle(
    fault: string,
    { endedAt, withinMs = recoveryMs }: { endedAt: number; withinMs?: number },
  ): Promise<void> {
    const leftMs = (): number => Math.max(endedAt + withinMs - Date.now(), 1_000);
    await this.#allEnded(leftMs()).catch(async (error: unknown) => {
      throw new Error(await this.#describeUnfinished(fault), { cause: error });
    });
    console.log(`${fault}: all ${this.entries.length} jobs had ended ${Date.now() - endedAt} ms after it`);
    await this.audit();
    await this.expectEmptyQueue();
    expect(this.stack.findDeaths()).toEqual([]);
  }

  async #allEnded(withinMs: number): Promise<void> {
    await eventually(async () => (await countUnfinished(this.database)) === 0, {
      timeoutMs: withinMs,
      everyMs: 50,
      what: 'all jobs to end',
    });
  }

  async #describeUnfinished(fault: string): Promise<string> {
    const rows = await this.database.query<object>(
      `SELECT id, state, generation, attempts, error_code, next_attempt_at, lease_until, lane FROM jobs
       WHERE state IN ('queued', 'active') LIMIT 3`,
    );
    const queue = await this.#countQueue();
    return `${fault}: unfinished after it at ${Date.now()}: ${JSON.stringify(rows)}, the queue has ${JSON.stringify(queue)}\n${this.stack.complaints()}`;
  }

  /** Compares the books with the database. */
  async audit(): Promise<void> {
    const jobs = await readJobs(this.database);
    const byKey = Map.groupBy(jobs, ({ key }) => key);
    const known = new Set(this.entries.map(({ key }) => key));
    const faults = [
      ...this.#defects,
      ...jobs.filter(({ key }) => key === null || !known.has(key)).map(({ id }) => `${id} was asked for by nobody`),
      ...this.entries.flatMap((entry) => this.#faultsOf(entry, byKey.get(entry.key) ?? [])),
    ];
    if (faults.length > 0)
      throw new Error(`The books are wrong:\n${faults.slice(0, 50).join('\n')}\n${this.stack.complaints()}`);
    await this.#expectSameAnswers(jobs);
  }

  #faultsOf(entry: Entry, jobs: readonly AuditedJob[]): string[] {
    const { key, fate, id, picture } = entry;
    const name = `${picture} ${id ?? key}`;
    if (jobs.length > 1) return [`${name}: ${jobs.length} jobs`];
    const [job] = jobs;
    if (job === undefined) return fate === 'accepted' ? [`${name}: accepted and lost`] : [];
    if (fate === 'refused' && !mayHaveBeenKept(entry)) return [`${name}: refused (${entry.refusal?.code}) and kept`];
    if (id !== undefined && job.id !== id) return [`${name}: the database knows it as ${job.id}`];
    if (!statesAfter(entry).includes(job.state))
      return [`${name}: ${job.state} ${job.errorCode ?? ''} after ${job.attempts} attempts`];
    const expectedLines = job.state === 'succeeded' ? this.#readings.get(picture) : [];
    return [
      ...(job.timesEnded === 1 ? [] : [`${name}: ended ${job.timesEnded} times`]),
      ...(isDeepStrictEqual(job.lines, expectedLines) ? [] : [`${name}: other lines than undisturbed`]),
      ...(job.linesWritten === job.lines.length ? [] : [`${name}: ${job.linesWritten} lines were written`]),
    ];
  }

  /** The API says what the database holds; of many jobs, some are looked at. */
  async #expectSameAnswers(jobs: readonly AuditedJob[]): Promise<void> {
    const step = Math.max(1, Math.floor(jobs.length / 20));
    const looked = jobs.filter((_, index) => index % step === 0);
    for (const job of looked) {
      const answer = await this.stack.send({ path: `/jobs/${job.id}` });
      expect(answer.json, answer.text.slice(0, 300)).toMatchObject({ id: job.id, state: job.state });
      expect(textsOf(answer)).toEqual(job.lines.map(({ text }) => text));
    }
  }

  async expectEmptyQueue(): Promise<void> {
    let last: Readonly<Record<string, number>> = {};
    await eventually(
      async () => {
        last = await this.#countQueue();
        return Object.values(last).every((count) => count === 0);
      },
      { timeoutMs: emptyQueueMs, everyMs: 100, what: 'the queue to be empty' },
    ).catch(() => {
      expect(last).toEqual({});
    });
  }

  async #countQueue(): Promise<Record<string, number>> {
    const { client } = this.stack.redis;
    const counts: Record<string, number> = {};
    for (const lane of ['interactive', 'bulk']) {
      for (const set of ['prioritized', 'delayed'])
        counts[`${lane} ${set}`] = await client.zcard(`{glyphmill}:${lane}:${set}`);
      for (const list of ['wait', 'active'])
        counts[`${lane} ${list}`] = await client.llen(`{glyphmill}:${lane}:${list}`);
    }
    return counts;
  }

  async close(): Promise<void> {
    await this.database.close();
  }
}

/** Of the job that an answer of POST /jobs tells. */
export function idOf(answer: Answer | undefined): string | undefined {
  return (answer?.json as { id?: string } | undefined)?.id;
}

/** A commit whose answer was lost on the way to the API may have happened. */
function mayHaveBeenKept({ refusal }: Entry): boolean {
  return refusal?.code === 'store_unavailable';
}

function statesAfter({ cancel }: Entry): readonly string[] {
  if (cancel === 'canceled') return ['canceled'];
  if (cancel === 'unknown') return ['succeeded', 'canceled'];
  return ['succeeded'];
}
