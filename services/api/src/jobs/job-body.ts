import { z } from '@hono/zod-openapi';
import { toAnalysis } from '@glyphmill/core/analysis';
import { OcrError } from '@glyphmill/core/errors';
import { type JobRecord, jobStates, type JobSummary } from '@glyphmill/core/store';
import { analysisExample, analysisSchema } from '../analysis-body.ts';
import { toProblem } from '@glyphmill/http/problem';
import { problemSchema } from '../problem-schema.ts';

const time = z.iso.datetime();

export const stateSchema = z.enum(jobStates).openapi('JobState');

export const sourceSchema = z
  .union([
    z.object({ kind: z.literal('url'), url: z.string() }),
    z.object({
      kind: z.literal('upload'),
      name: z.string().optional().openapi({ description: 'What the sender called the file' }),
      sha256: z.string(),
      bytes: z.int(),
    }),
  ])
  .openapi('JobSource');

export const jobSchema = z
  .object({
    id: z.uuid(),
    state: stateSchema,
    batch: z.uuid().optional(),
    index: z.int().optional().openapi({ description: 'Place in its batch, from 0' }),
    source: sourceSchema.optional(),
    priority: z.int().optional(),
    metadata: z.record(z.string(), z.unknown()).optional(),
    attempts: z.int().optional().openapi({ description: 'Runs so far, the one under way included' }),
    position: z.int().optional().openapi({ description: 'While queued: 1 is the next one of its lane' }),
    created_at: time.optional(),
    started_at: time.optional().openapi({ description: 'When its last run began' }),
    finished_at: time.optional(),
    next_attempt_at: time.optional().openapi({ description: 'A run that failed is tried again then' }),
    deadline_at: time.optional(),
    model: z.string().optional(),
    engine_version: z.string().optional(),
    sha256: z.string().optional().openapi({ description: "Of the image's bytes" }),
    timings: z.record(z.string(), z.number()).optional().openapi({ description: 'Milliseconds by stage' }),
    result: analysisSchema.optional().openapi({ description: 'Of a job that succeeded: what POST /analyze answers' }),
    error: problemSchema.optional().openapi({ description: 'Why it failed, or why its last run did' }),
  })
  .openapi('Job', { description: 'A job that came through POST /analyze has only id, state, result and error' });
export type JobBody = z.infer<typeof jobSchema>;

export interface JobBodyOptions {
  /** Of the request that is answered, for a job that does not know the one that it came with. */
  readonly requestId: string;
  readonly position?: number | undefined;
}

/** A durable job as users see it. */
export function toJobBody(job: JobRecord | JobSummary, { requestId, position }: JobBodyOptions): JobBody {
  const { batch, error, metadata, model, sha256 } = job;
  const result = 'result' in job ? job.result : undefined;
  return {
    id: job.id,
    state: job.state,
    ...(batch && { batch: batch.id, index: batch.index }),
    source: toSourceBody(job.source),
    priority: job.priority,
    ...(metadata && { metadata }),
    attempts: job.attempts,
    ...(position !== undefined && { position }),
    ...timesOf(job),
    ...(model !== undefined && { model }),
    ...(job.engineVersion !== undefined && { engine_version: job.engineVersion }),
    ...(sha256 !== undefined && { sha256 }),
    ...(result && { timings: result.timings, result: toAnalysis(result) }),
    ...(error && { error: toProblem(OcrError.fromWire(error), job.requestId ?? requestId) }),
  };
}

function toSourceBody(source: JobSummary['source']): NonNullable<JobBody['source']> {
  if (source.kind === 'url') return source;
  const { name, sha256, bytes } = source;
  return { kind: 'upload', ...(name !== undefined && { name }), sha256, bytes };
}

function timesOf(job: JobSummary) {
  return {
    created_at: iso(job.createdAt),
    ...(job.startedAt !== undefined && { started_at: iso(job.startedAt) }),
    ...(job.finishedAt !== undefined && { finished_at: iso(job.finishedAt) }),
    ...(job.nextAttemptAt !== undefined && { next_attempt_at: iso(job.nextAttemptAt) }),
    ...(job.deadlineAt !== undefined && { deadline_at: iso(job.deadlineAt) }),
  };
}

function iso(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

export const exampleJobId = '0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21';
export const exampleBatchId = '0199d3a8-6f2d-7aa0-8c11-6f2d0e9b4a55';

export const queuedJobExample: JobBody = {
  id: exampleJobId,
  state: 'queued',
  source: { kind: 'url', url: 'https://example.com/gift-card.jpg' },
  priority: 100,
  metadata: { order: 'A-1042' },
  attempts: 0,
  position: 3,
  created_at: '2026-11-25T09:30:00.000Z',
};

export const succeededJobExample: JobBody = {
  ...queuedJobExample,
  state: 'succeeded',
  source: {
    kind: 'upload',
    name: 'gift-card.jpg',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    bytes: 184_213,
  },
  attempts: 1,
  position: undefined,
  started_at: '2026-11-25T09:30:02.104Z',
  finished_at: '2026-11-25T09:30:02.911Z',
  model: 'small',
  engine_version: '0.1.0',
  sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  timings: { detect: 231, recognize: 480 },
  result: analysisExample,
};
