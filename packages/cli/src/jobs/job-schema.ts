import { z } from 'zod';

export const jobStates = ['queued', 'active', 'succeeded', 'failed', 'canceled'] as const;
export type JobState = (typeof jobStates)[number];

export function hasEnded(state: JobState): boolean {
  return state !== 'queued' && state !== 'active';
}

const violationSchema = z.looseObject({ pointer: z.string(), detail: z.string() });
export type Violation = z.infer<typeof violationSchema>;

/** What is used of a problem; a newer API may say more, which is passed on in JSON. */
export const problemSchema = z.looseObject({
  code: z.string(),
  detail: z.string(),
  requestId: z.string().optional(),
  errors: z.array(violationSchema).optional(),
});

/** Of POST /analyze as well, whose jobs have only `id`, `state`, `result` and `error`. */
export const jobSchema = z.looseObject({
  id: z.string(),
  state: z.enum(jobStates),
  batch: z.string().optional(),
  index: z.int().optional(),
  source: z
    .looseObject({
      kind: z.string(),
      url: z.string().optional(),
      name: z.string().optional(),
      sha256: z.string().optional(),
      bytes: z.number().optional(),
    })
    .optional(),
  priority: z.number().optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
  attempts: z.number().optional(),
  position: z.number().optional(),
  created_at: z.string().optional(),
  started_at: z.string().optional(),
  finished_at: z.string().optional(),
  next_attempt_at: z.string().optional(),
  deadline_at: z.string().optional(),
  model: z.string().optional(),
  result: z.looseObject({ data: z.array(z.looseObject({ text: z.string() })) }).optional(),
  error: problemSchema.optional(),
});
export type Job = z.infer<typeof jobSchema>;

export const jobPageSchema = z.object({ jobs: z.array(jobSchema), next_cursor: z.string().optional() });

const acceptedJobSchema = z.object({ id: z.string(), state: z.enum(jobStates) });
export type AcceptedJob = z.infer<typeof acceptedJobSchema>;

/** One job is answered as it is, several as a batch: here both are a list, in the order of the request. */
export const acceptedSchema = z.union([
  z.object({ batch: z.string().optional(), jobs: z.array(acceptedJobSchema) }),
  acceptedJobSchema.transform((job) => ({ batch: undefined, jobs: [job] })),
]);
export type Accepted = z.infer<typeof acceptedSchema>;
