import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** What one job leaves behind and asks of the servers, as `npm run bench -- footprint` has measured it. */
const footprintSchema = z.object({
  redis: z.object({
    /** Of memory, while a job waits. */
    bytesPerWaitingJob: z.number(),
    /** From its acceptance to its end. */
    commandsPerJob: z.number(),
    /** Of the thread that runs all commands. */
    cpuSecondsPerJob: z.number(),
    /** What it costs that one worker asks for the heartbeat of one other, which each does for each once a second. */
    cpuSecondsPerHeartbeatRead: z.number(),
    /** Commands a second while nothing is done. */
    idleCommandsOfApi: z.number(),
    idleCommandsOfWorker: z.number(),
    connectionsOfApi: z.number(),
    connectionsOfWorker: z.number(),
  }),
  postgres: z.object({
    /** Indexes included; without its lines. */
    bytesPerJob: z.number(),
    /** With the index that search uses. */
    bytesPerLine: z.number(),
    transactionsPerJob: z.number(),
    /** Inserted, updated or deleted; lines not counted. */
    rowsWrittenPerJob: z.number(),
    /** Of all its processes together, with 20 lines a page. */
    cpuSecondsPerJob: z.number(),
    idleTransactionsOfApi: z.number(),
    idleTransactionsOfWorker: z.number(),
    /** Without its lines, and without the full pages that are written after each checkpoint. */
    walBytesPerJob: z.number(),
    walBytesPerLine: z.number(),
  }),
  api: z.object({
    /** Taken in batches and from the API's own queue keeping; single requests cost more. */
    cpuSecondsPerJob: z.number(),
  }),
  worker: z.object({
    /** Of the worker's own process, without its engines. */
    cpuSecondsPerJob: z.number(),
  }),
  blobs: z.object({
    /** Preview and thumbnail of a page. */
    bytesOfPictures: z.number(),
  }),
});
export type Footprint = z.infer<typeof footprintSchema>;

export const footprintFile = new URL('../../footprint.json', import.meta.url);

export function readFootprint(): Footprint {
  return footprintSchema.parse(JSON.parse(readFileSync(footprintFile, 'utf8')));
}
