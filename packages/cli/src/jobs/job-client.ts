import type { z } from 'zod';
import { ApiError } from './api-error.ts';
import type { ApiAnswer, ApiRequest, ApiRequester } from './api-requester.ts';
import { type Accepted, acceptedSchema, type Job, jobPageSchema, jobSchema, type JobState } from './job-schema.ts';
import { createMultipartForm, type UploadFile } from './multipart.ts';

/** What a submission says for all its images. */
export interface SubmitOptions {
  /** 0..1000, smaller runs sooner; undefined: the API's default. */
  readonly priority: number | undefined;
  readonly metadata: Readonly<Record<string, string>> | undefined;
  readonly callbackUrl: string | undefined;
  readonly deadlineMs: number | undefined;
}

export interface Submission {
  readonly images:
    | { readonly kind: 'urls'; readonly urls: readonly string[] }
    | { readonly kind: 'files'; readonly files: readonly UploadFile[] };
  readonly options: SubmitOptions;
  /** Under the same key the same images become the same jobs, however often they are sent. */
  readonly idempotencyKey: string;
}

export interface JobFilter {
  readonly states?: readonly JobState[] | undefined;
  readonly batch?: string | undefined;
}

/** The endpoints of durable jobs. All methods throw `ApiError`, or the reason of a signal that fired. */
export interface JobClient {
  /** Fails as everything else would when the API is away, or wants other credentials. */
  check(): Promise<void>;
  submit(submission: Submission): Promise<Accepted>;
  /** Pages without results, newest first; at most `limit` jobs in all. */
  list(filter: JobFilter, options: { readonly limit: number; readonly signal?: AbortSignal }): AsyncGenerator<Job[]>;
  get(id: string, options?: { readonly signal?: AbortSignal }): Promise<Job>;
  cancel(id: string): Promise<Job>;
  retry(id: string): Promise<Job>;
}

const maxPageSize = 1000;

export function createJobClient(request: ApiRequester): JobClient {
  const get: JobClient['get'] = async (id, { signal } = {}) =>
    parseAnswer(jobSchema, await request({ method: 'GET', path: `jobs/${id}`, signal }));
  return {
    async check() {
      parseAnswer(jobPageSchema, await request({ method: 'GET', path: 'jobs?limit=1' }));
    },

    async submit({ images, options, idempotencyKey }) {
      const { contentType, body } =
        images.kind === 'urls' ? jsonBody(images.urls, options) : formBody(images.files, options);
      const headers = { 'idempotency-key': idempotencyKey, 'content-type': contentType };
      const answer = await request({ method: 'POST', path: 'jobs', headers, body });
      const accepted = parseAnswer(acceptedSchema, answer);
      const count = images.kind === 'urls' ? images.urls.length : images.files.length;
      if (accepted.jobs.length !== count) throw unexpected(answer);
      return accepted;
    },

    async *list({ states, batch }, { limit, signal }) {
      let left = limit;
      let cursor: string | undefined;
      do {
        const query = new URLSearchParams({ limit: String(Math.min(left, maxPageSize)) });
        if (states !== undefined && states.length > 0) query.set('state', states.join(','));
        if (batch !== undefined) query.set('batch', batch);
        if (cursor !== undefined) query.set('cursor', cursor);
        const answer = await request({ method: 'GET', path: `jobs?${query.toString()}`, signal });
        const page = parseAnswer(jobPageSchema, answer);
        yield page.jobs;
        left -= page.jobs.length;
        cursor = page.next_cursor;
      } while (cursor !== undefined && left > 0);
    },

    get,

    async cancel(id) {
      return parseAnswer(jobSchema, await request({ method: 'DELETE', path: `jobs/${id}` }));
    },

    async retry(id) {
      let isLost = false;
      try {
        const answer = await request({ method: 'POST', path: `jobs/${id}/retry` }, () => (isLost = true));
        return parseAnswer(jobSchema, answer);
      } catch (error) {
        // The answer that was lost may have been the good one.
        if (isLost && error instanceof ApiError && error.code === 'job_not_retryable') return get(id);
        throw error;
      }
    },
  };
}

interface RequestBody {
  readonly contentType: string;
  readonly body: NonNullable<ApiRequest['body']>;
}

function jsonBody(urls: readonly string[], options: SubmitOptions): RequestBody {
  const { priority, metadata, callbackUrl, deadlineMs } = options;
  const images = urls.map((url) => ({ image_url: url }));
  const shared = { priority, metadata, callback_url: callbackUrl, deadline_ms: deadlineMs };
  const text = JSON.stringify(images.length === 1 ? { ...images[0], ...shared } : { images, ...shared });
  return { contentType: 'application/json', body: () => text };
}

function formBody(files: readonly UploadFile[], options: SubmitOptions): RequestBody {
  const { priority, metadata, callbackUrl, deadlineMs } = options;
  const fields = {
    ...(priority !== undefined && { priority: String(priority) }),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
    ...(callbackUrl !== undefined && { callback_url: callbackUrl }),
    ...(deadlineMs !== undefined && { deadline_ms: String(deadlineMs) }),
  };
  const { contentType, encode } = createMultipartForm(fields, files);
  return { contentType, body: encode };
}

function parseAnswer<S extends z.ZodType>(schema: S, answer: ApiAnswer): z.infer<S> {
  const parsed = schema.safeParse(answer.body);
  if (!parsed.success) throw unexpected(answer);
  return parsed.data;
}

function unexpected({ status }: ApiAnswer): ApiError {
  const detail = `HTTP ${status}, but not what a Glyphmill API answers: is the address right?`;
  return new ApiError('unexpected_answer', detail, { status });
}
