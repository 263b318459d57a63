import { z } from '@hono/zod-openapi';
import { defaultPriority, maxBatchImages, maxPriority } from './submission.ts';

const filesSchema = z
  .array(z.string().openapi({ format: 'binary' }))
  .min(1)
  .max(maxBatchImages);

/** For the document only: the parts are read as they come, and files may have any field name. */
export const multipartBodySchema = z
  .object({
    files: filesSchema.openapi({
      description: 'The images, as parts with any name; one is a single job, more a batch',
    }),
    priority: z
      .int()
      .min(0)
      .max(maxPriority)
      .optional()
      .openapi({ description: `Of all images; ${defaultPriority} unless said` }),
    metadata: z
      .string()
      .optional()
      .openapi({ description: 'A JSON object, given back with each job', example: '{"order":"A-1042"}' }),
    callback_url: z.string().optional(),
    deadline_ms: z.int().min(1).optional(),
  })
  .openapi('Upload');
