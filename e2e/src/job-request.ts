import { randomUUID } from 'node:crypto';

/** A POST /jobs that can be sent again byte for byte. */
export interface JobRequest {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

export function toUrlRequest(image: Readonly<Record<string, unknown>> & { readonly image_url: string }): JobRequest {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify(image) };
}

export function toBatchRequest(images: readonly object[], options: object = {}): JobRequest {
  return { headers: { 'content-type': 'application/json' }, body: JSON.stringify({ images, ...options }) };
}

/** One file in form-data. */
export function toUploadRequest(bytes: Uint8Array, fields: Readonly<Record<string, string | number>> = {}): JobRequest {
  const boundary = `----${randomUUID()}`;
  const texts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const head =
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="page.png"\r\n` +
    'content-type: image/png\r\n\r\n';
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat([Buffer.from(texts.join('') + head), bytes, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}
