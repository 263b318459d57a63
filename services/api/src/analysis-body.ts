import { z } from '@hono/zod-openapi';
import type { Analysis } from '@glyphmill/core/analysis';

/** The generator of the document writes tuples in a way that OpenAPI 3.1 does not know, so they are spelled out. */
const pointJsonSchema = { type: 'array', items: { type: 'integer' }, minItems: 2, maxItems: 2 } as const;
const pointSchema = z.tuple([z.int(), z.int()]);

export const analysisSchema = z
  .object({
    message: z.enum(['Analysis successful', 'No text detected']),
    count: z.int().min(0).openapi({ description: 'Number of lines' }),
    data: z.array(
      z.object({
        text: z.string(),
        confidence: z.number().min(0).max(1).openapi({ description: 'With 4 decimals' }),
        box: z.tuple([pointSchema, pointSchema, pointSchema, pointSchema]).openapi({
          type: 'array',
          items: { ...pointJsonSchema, description: 'x, y' },
          minItems: 4,
          maxItems: 4,
          description: "Clockwise from the line's top-left corner, in pixels of the upright image",
        }),
      }),
    ),
  })
  .openapi('Analysis');

export const analysisExample: Analysis = {
  message: 'Analysis successful',
  count: 2,
  data: [
    {
      text: 'STEAM',
      confidence: 0.9969,
      box: [
        [335, 750],
        [715, 767],
        [714, 787],
        [334, 770],
      ],
    },
    {
      text: 'XR56L-H4A5Q-87YXF',
      confidence: 0.9921,
      box: [
        [340, 810],
        [912, 828],
        [911, 858],
        [339, 840],
      ],
    },
  ],
};
