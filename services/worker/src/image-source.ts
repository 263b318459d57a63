import { OcrError } from '@glyphmill/core/errors';
import type { FetchImage } from '@glyphmill/core/fetch';
import type { ClaimedJob, ImageSource } from '@glyphmill/core/queue';
import type { Allotment } from './byte-budget.ts';
import type { UploadReader } from './durable/upload-reader.ts';
import type { RunningDownloads } from './running-downloads.ts';

type Kind = ImageSource['kind'];
type SourceReader<K extends Kind> = (
  source: Extract<ImageSource, { kind: K }>,
  page: { readonly job: ClaimedJob; readonly allotment: Allotment },
) => Promise<Uint8Array>;

/** How the bytes of each kind of source are had. A kind that is missing here is not set up in this worker. */
export type SourceReaders = { readonly [K in Kind]?: SourceReader<K> };

export function createSourceReaders(options: {
  readonly fetchImage: FetchImage;
  readonly downloads: RunningDownloads;
  readonly maxImageBytes: number;
  readonly uploads: Pick<UploadReader, 'size' | 'read'>;
}): SourceReaders {
  const { uploads } = options;
  return {
    url: ({ url }, { job, allotment }) =>
      options.downloads.track(() =>
        options.fetchImage(url, {
          signal: job.signal,
          reserve: (bytes) => allotment.claim(bytes, job.signal),
        }),
      ),
    data: async (_source, { job, allotment }) => {
      await allotment.claim(options.maxImageBytes, job.signal);
      return job.input();
    },
    blob: async ({ sha256 }, { job, allotment }) => {
      const bytes = await uploads.size(sha256, job.signal);
      if (bytes === undefined) throw blobMissing();
      await allotment.claim(bytes, job.signal);
      const content = await uploads.read(sha256, job.signal);
      if (content === undefined) throw blobMissing();
      return content;
    },
  };
}

/**
 * A job keeps its blob for as long as it may run, so the place that blobs are kept in is not what it was: a folder that
 * is not mounted here, say. Another worker, or this one later, may have it: worth another try.
 */
function blobMissing(): OcrError {
  return new OcrError('store_unavailable', 'The uploaded file is not there');
}

/** The encoded image; its room in memory is claimed from `allotment`. */
export async function readSource(readers: SourceReaders, job: ClaimedJob, allotment: Allotment): Promise<Uint8Array> {
  const { source } = job.payload;
  const reader = readers[source.kind] as SourceReader<Kind> | undefined;
  if (reader === undefined) {
    throw OcrError.from(new Error(`This worker has no reader for images of kind '${source.kind}'`));
  }
  const bytes = await reader(source, { job, allotment });
  allotment.shrinkTo(bytes.length);
  return bytes;
}
