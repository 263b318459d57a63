import { OcrError } from '@glyphmill/core/errors';
import type { UrlPolicy } from '@glyphmill/core/fetch';

/** Which URLs a job's end may be posted to; `off` where there is no key to sign webhooks with. */
export type CallbackPolicy = UrlPolicy | 'off';

/**
 * What is wrong with where a job's end shall be posted to, as far as the text of the URL tells; undefined when nothing
 * is. The address that its name resolves to is checked at each delivery.
 */
export function callbackUrlFault(callbackUrl: string, callbacks: CallbackPolicy): string | undefined {
  if (callbacks === 'off') return 'Webhooks are off here: the service has no WEBHOOK_SECRET to sign them with';
  try {
    callbacks(callbackUrl);
    return undefined;
  } catch (error) {
    if (error instanceof OcrError) return error.message;
    throw error;
  }
}
