import { z } from '@hono/zod-openapi';
import type { JobResult } from '@glyphmill/core/queue';

const pointSchema = z.tuple([z.int(), z.int()]).openapi({ description: 'x, y' });

export const analysisSchema = z
  .object({
    message: z.enum(['Analysis successful', 'No text detected']),
    count: z.int().min(0).openapi({ description: 'Number of lines' }),
    data: z.array(
      z.object({
        text: z.string(),
        confidence: z.number().min(0).max(1).openapi({ description: 'With 4 decimals' }),
        box: z.tuple([pointSchema, pointSchema, pointSchema, pointSchema]).openapi({
          description: "Clockwise from the line's top-left corner, in pixels of the upright image",
        }),
      }),
    ),
  })
  .openapi('Analysis');
export type Analysis = z.infer<typeof analysisSchema>;

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

/** A job's result in the words of the contract with users; lines stay in reading order. */
export function toAnalysis(result: JobResult): Analysis {
  const data = result.lines.map(({ text, confidence, box }) => ({
    text,
    confidence: Math.round(confidence * 10_000) / 10_000,
    box,
  }));
  return { message: data.length === 0 ? 'No text detected' : 'Analysis successful', count: data.length, data };
}
