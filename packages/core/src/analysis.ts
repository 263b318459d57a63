import type { JobResult } from './queue/payload.ts';

/** A job's result in the words of the contract with users: the body of `POST /analyze`. */
export interface Analysis {
  message: 'Analysis successful' | 'No text detected';
  /** Number of lines. */
  count: number;
  /** In reading order; confidence 0..1 with 4 decimals, boxes in pixels of the upright image. */
  data: Pick<JobResult['lines'][number], 'text' | 'confidence' | 'box'>[];
}

export function toAnalysis(result: Pick<JobResult, 'lines'>): Analysis {
  const data = result.lines.map(({ text, confidence, box }) => ({
    text,
    confidence: Math.round(confidence * 10_000) / 10_000,
    box,
  }));
  return { message: data.length === 0 ? 'No text detected' : 'Analysis successful', count: data.length, data };
}
