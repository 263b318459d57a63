import type { BlobStore } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import type { JobStore } from '@glyphmill/core/store';

const away = () => Promise.reject(new OcrError('store_unavailable', 'The store is away'));

/** For what is not about durable jobs: it knows no job, and takes none. */
export const noStore: JobStore = {
  ready: Promise.resolve(),
  accept: away,
  knownKeys: away,
  claim: away,
  renewLeases: away,
  finishSucceeded: away,
  finishFailed: away,
  release: away,
  requeue: away,
  cancel: () => Promise.resolve({ kind: 'unknown' }),
  retryFailed: () => Promise.resolve({ kind: 'unknown' }),
  get: () => Promise.resolve(undefined),
  states: () => Promise.resolve(new Map()),
  list: away,
  position: () => Promise.resolve(undefined),
  countUnfinished: () => Promise.resolve(0),
  countByState: away,
  countFinishedSince: () => Promise.resolve(0),
  searchLines: away,
  pending: away,
  resend: away,
  expireDeadlines: away,
  deleteFinished: away,
  blobsInUse: away,
  inboxFiles: away,
  recordInboxFiles: away,
  markInboxFilesMoved: away,
  unreadableInboxFiles: away,
  forgetInboxFiles: away,
  unfinishedInboxJobs: away,
  countInboxFiles: away,
  takeDueEvents: away,
  markDelivered: away,
  rescheduleEvent: away,
  giveUpEvent: away,
  returnEvents: away,
  giveUpOldEvents: away,
  countPendingEvents: away,
  acquireLease: away,
  releaseLease: away,
  now: () => Promise.resolve(Date.now()),
  check: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export const noBlobs: BlobStore = {
  put: away,
  size: () => Promise.resolve(undefined),
  touch: () => Promise.resolve(false),
  read: () => Promise.resolve(undefined),
  sweep: away,
  check: () => Promise.resolve(),
};
