import type { BlobReader } from '@glyphmill/core/blobs';
import { OcrError } from '@glyphmill/core/errors';
import type { Pictures, ResultReader } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import { inertPolicy } from '../content-policies.ts';
import type { WebEnv } from '../web-env.ts';
import { jobIdPattern } from './result-route.ts';

export interface PicturesRouteOptions {
  readonly reader: Pick<ResultReader, 'picturesOf'>;
  readonly blobs: Pick<BlobReader, 'read'>;
}

const kinds = {
  preview: ({ previewSha256 }: Pictures) => previewSha256,
  thumbnail: ({ thumbnailSha256 }: Pictures) => thumbnailSha256,
} as const;

/** A picture of a job never changes once it is there. */
const caching = 'private, max-age=31536000, immutable';

/** Pictures that an engine has drawn anew; what somebody sent is never served. */
export function addPicturesRoute(app: Hono<WebEnv>, { reader, blobs }: PicturesRouteOptions): void {
  for (const [kind, sha256Of] of Object.entries(kinds)) {
    app.get(`/pictures/:id{${jobIdPattern}}/${kind}`, async (c) => {
      const pictures = await reader.picturesOf(c.req.param('id'));
      const sha256 = pictures && sha256Of(pictures);
      const bytes = sha256 === undefined ? undefined : await blobs.read(sha256);
      // The same folder holds what was sent: even a wrong row must not give that away.
      if (bytes === undefined || !isWebp(bytes)) throw new OcrError('not_found', 'No picture is kept of this result');
      return c.body(new Uint8Array(bytes), 200, {
        'content-type': 'image/webp',
        'cache-control': caching,
        'content-security-policy': inertPolicy,
      });
    });
  }
}

function isWebp(bytes: Uint8Array): boolean {
  const text = (from: number) => String.fromCharCode(...bytes.subarray(from, from + 4));
  return text(0) === 'RIFF' && text(8) === 'WEBP';
}
