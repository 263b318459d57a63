/** What a URL of a stranger's is used for; its errors speak of that. */
export type FetchPurpose = 'image' | 'webhook';

interface Wording {
  /** Starts a sentence. */
  readonly url: string;
  readonly hosts: string;
  readonly failed: string;
  readonly late: string;
}

export const wordings: Readonly<Record<FetchPurpose, Wording>> = {
  image: {
    url: 'The image URL',
    hosts: 'Images may not be downloaded from this host',
    failed: 'The image could not be downloaded',
    late: 'The image was not downloaded in time',
  },
  webhook: {
    url: 'The callback URL',
    hosts: 'Webhooks may not be sent to this host',
    failed: 'The webhook could not be delivered',
    late: 'The webhook was not answered in time',
  },
};
