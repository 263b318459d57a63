import { OcrError } from '@glyphmill/core/errors';
import type { ImageSource } from '@glyphmill/core/queue';
import { decodeDataUrl, isDataUrl } from './data-url.ts';

/** Where the image comes from, and its bytes where the request itself brought them. */
export interface RequestedImage {
  readonly source: ImageSource;
  readonly input?: Uint8Array;
}

/**
 * What an `image_url` asks for. Only what the text of the URL tells is checked here: the address that its name resolves
 * to is known to the worker alone, at the moment it connects. Throws `url_not_allowed` and what `decodeDataUrl` throws.
 */
export function parseImageUrl(imageUrl: string, { maxImageBytes }: { maxImageBytes: number }): RequestedImage {
  const trimmed = imageUrl.trim();
  if (isDataUrl(trimmed)) return { source: { kind: 'data' }, input: decodeDataUrl(trimmed, maxImageBytes) };
  if (!URL.canParse(trimmed)) throw new OcrError('url_not_allowed', 'image_url is no absolute URL');
  const url = new URL(trimmed);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new OcrError('url_not_allowed', 'Only http:, https: and data: URLs are allowed');
  }
  if (url.username !== '' || url.password !== '') {
    throw new OcrError('url_not_allowed', 'URLs with credentials are not allowed');
  }
  url.hash = '';
  return { source: { kind: 'url', url: url.href } };
}
