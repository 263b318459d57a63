export { createAddressPolicy } from './address-policy.ts';
export { createImageFetcher, type FetchImage, type FetchOptions, type ImageFetcherOptions } from './fetch-image.ts';
export { createWebhookPoster, type PostWebhook, type WebhookAnswer, type WebhookMessage } from './post-webhook.ts';
export { createUrlPolicy, type UrlPolicy } from './url-policy.ts';
export type { GuardOptions } from './guarded-client.ts';
