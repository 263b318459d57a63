import { z } from 'zod';

/** What every problem must look like; written down apart from the code that makes them. */
export const problemShape = z.strictObject({
  type: z.string().startsWith('urn:glyphmill:problem:'),
  title: z.string().min(1),
  status: z.int(),
  detail: z.string().min(1),
  code: z.string(),
  instance: z.string().startsWith('urn:request:'),
  requestId: z.string(),
  errors: z.array(z.strictObject({ pointer: z.string(), detail: z.string() })).optional(),
});
