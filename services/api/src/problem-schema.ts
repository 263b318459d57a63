import { z } from '@hono/zod-openapi';
import { errorCodes } from '@glyphmill/core/errors';

/** A problem as the OpenAPI document describes it. */
export const problemSchema = z
  .object({
    type: z.string().openapi({ description: 'Stable per code', example: 'urn:glyphmill:problem:invalid_request' }),
    title: z.string(),
    status: z.int(),
    detail: z.string().openapi({ description: 'What is wrong this time, for people' }),
    code: z.enum(errorCodes).openapi({ description: 'What is wrong, for programs; see docs/errors.md' }),
    instance: z.string().openapi({ example: 'urn:request:0199d3a8-6f2e-7c1b-9d43-0b5a8e6f7c21' }),
    requestId: z.string(),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .openapi({ description: 'Each thing that is wrong: a JSON pointer into the body or the name of a header' }),
  })
  .openapi('Problem');
