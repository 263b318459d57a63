/** A place in an object store. */
export interface BucketUrl {
  readonly bucket: string;
  /** What all keys begin with: nothing, or a path that ends with `/`. */
  readonly prefix: string;
}

/** Undefined unless it is `s3://bucket` or `s3://bucket/prefix`, without anything that would have to be escaped. */
export function parseBucketUrl(url: string): BucketUrl | undefined {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:\/[\w.-]+)*)\/?$/.exec(url) ?? [];
  if (bucket === undefined || path.split('/').some((part) => part === '.' || part === '..')) return undefined;
  return { bucket, prefix: path === '' ? '' : `${path.slice(1)}/` };
}
