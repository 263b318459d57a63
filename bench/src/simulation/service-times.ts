import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Random } from './random.ts';

/** How long an engine needs for a page. */
export interface ServiceTimes {
  readonly meanSeconds: number;
  draw(random: Random): number;
}

/** What was measured: pages as they are, each time as likely as it was seen. */
export function asMeasured(pageMs: readonly number[]): ServiceTimes {
  const seconds = pageMs.map((ms) => ms / 1000);
  return {
    meanSeconds: seconds.reduce((sum, time) => sum + time, 0) / seconds.length,
    draw: (random) => random.pick(seconds),
  };
}

/** For comparing with what is known of queues in theory. */
export function exponentialTimes(meanSeconds: number): ServiceTimes {
  return { meanSeconds, draw: (random) => random.exponential(meanSeconds) };
}

const measurementSchema = z.object({
  model: z.string(),
  pages: z.string(),
  /** From the start of an engine process until its models are loaded. */
  modelLoadMs: z.number(),
  /** Of single pages in engines that are all busy, with a core each. */
  pageMs: z.array(z.number().positive()).min(1),
});
export type ServiceTimeMeasurement = z.infer<typeof measurementSchema>;

export const serviceTimesFile = new URL('../../service-times.json', import.meta.url);

/** By name: what `npm run bench -- service-times` has measured. */
export function readServiceTimes(): ReadonlyMap<string, ServiceTimeMeasurement> {
  const parsed = z.record(z.string(), measurementSchema).parse(JSON.parse(readFileSync(serviceTimesFile, 'utf8')));
  return new Map(Object.entries(parsed));
}
