import type { BucketUrl } from '../../config/bucket-url.ts';

/** Where blobs are, and who asks for them. */
export interface S3Place extends BucketUrl {
  readonly region: string;
  /** Amazon's own where there is none. */
  readonly endpoint?: string | undefined;
  /** Where there are none, the client looks where Amazon's clients do: environment, web identity, instance. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}
