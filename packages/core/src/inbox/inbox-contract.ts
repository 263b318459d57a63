import path from 'node:path';
import { z } from 'zod';

/**
 * What the ingest service answers on its control socket: HTTP over a Unix socket, since whoever may open the file may
 * steer it, and nobody else can reach it.
 */
export const inboxRoutes = {
  /** GET: an `InboxStatus`. */
  status: '/status',
  /** POST: looks through the whole folder at once. 202, with the status as it is then. */
  scan: '/scan',
  /** POST: takes no more files until `resume`, or until the service starts anew. */
  pause: '/pause',
  resume: '/resume',
  /** GET: server-sent events named `status`, one at once and one after each change, each with an `InboxStatus`. */
  events: '/events',
} as const;

export function inboxSocketOf({ DATA_DIR: dataDir }: { readonly DATA_DIR: string }): string {
  return path.resolve(dataDir, 'ingest.sock');
}

const count = z.int().min(0);
/** Milliseconds since the epoch. */
const moment = z.int();

/** Why something in the folder cannot be looked at, with what is told of it. */
export const inboxFaults = {
  name_not_utf8: 'its name is not UTF-8: rename it',
  path_too_long: 'its path is longer than 2,000 bytes',
  too_deep: 'it lies too deep',
  forbidden: 'it may not be opened',
  unreadable: 'it cannot be read',
} as const;

const faultReason = z.enum(Object.keys(inboxFaults) as (keyof typeof inboxFaults)[]);

export const inboxStatusSchema = z.object({
  /** `standby`: another process looks after the inboxes of this store, or the store is away. */
  state: z.enum(['running', 'paused', 'standby']),
  /** Path of the folder, as the service sees it. */
  inbox: z.string(),
  readable: z.boolean(),
  /** How new files are noticed: told by the file system as well, or found by the next scan alone. */
  watching: z.enum(['events', 'rescan']),
  /** What becomes of files that were read. */
  after: z.enum(['keep', 'move']),
  scanning: z.boolean(),
  /** End of the last scan; absent before the first one. */
  lastScanAt: moment.optional(),
  lastScanMs: count.optional(),
  /** Images in the folder, by the last scan. */
  filesSeen: count,
  /** Other files in the folder, by the last scan. */
  filesIgnored: count,
  /** Files and folders that the last scan could not look at, so that what is in them is not found; absent for none. */
  faults: z
    .object({
      count,
      /** The first ones. What no screen shows as it is, is escaped in their paths, and long ones are cut. */
      examples: z.array(z.object({ path: z.string(), reason: faultReason })).max(5),
    })
    .optional(),
  /** Images that were seen and not taken yet. */
  waiting: count,
  /** Files by the state of their jobs; `unreadable` never became one. Absent while the store is away. */
  counts: z
    .object({
      queued: count,
      active: count,
      succeeded: count,
      failed: count,
      canceled: count,
      unreadable: count,
    })
    .optional(),
  /** Files that gave no text: `counts.failed` and `counts.unreadable`. */
  failed: count,
});

export type InboxStatus = z.infer<typeof inboxStatusSchema>;
