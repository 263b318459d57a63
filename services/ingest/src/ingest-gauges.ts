import type { Leader } from '@glyphmill/core/leader';
import type { InboxScanner } from './inbox-scanner.ts';
import type { IngestGauges } from './ingest-metrics.ts';
import type { FileTaker } from './take/file-taker.ts';
import type { JobRoom } from './take/job-room.ts';
import type { WaitingFiles } from './take/waiting-files.ts';

export interface MeasuredParts {
  readonly waiting: Pick<WaitingFiles, 'size'>;
  readonly room: Pick<JobRoom, 'unfinished'>;
  readonly scanner: Pick<InboxScanner, 'report' | 'isReadable'>;
  readonly taker: Pick<FileTaker, 'isPaused'>;
  readonly leader: Pick<Leader, 'isLeading'>;
}

/** Who does not lead knows nothing of the inbox, or only how it was when it led. */
export function readGauges({ waiting, room, scanner, taker, leader }: MeasuredParts): IngestGauges {
  const { isLeading } = leader;
  return {
    isPaused: taker.isPaused,
    isLeading,
    ...(isLeading && {
      waiting: waiting.size,
      unfinished: room.unfinished,
      images: scanner.report?.images,
      ignored: scanner.report?.ignored,
      isReadable: scanner.isReadable,
    }),
  };
}
