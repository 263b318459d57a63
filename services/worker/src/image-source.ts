import { OcrError } from '@glyphmill/core/errors';
import type { ClaimedJob, ImageSource } from '@glyphmill/core/queue';
import type { Allotment } from './byte-budget.ts';
import type { FetchImage } from './fetch/fetch-image.ts';
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
}): SourceReaders {
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
  };
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
