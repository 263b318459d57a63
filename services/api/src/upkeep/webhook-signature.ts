import { createHmac } from 'node:crypto';

/**
 * Secrets made for this scheme begin with it; the rest is base64, which was checked when the settings were read. Others are
 * taken as they are, in UTF-8.
 */
const secretPrefix = 'whsec_';

export interface SignedMessage {
  /** The same for every try, so that the receiver can tell a repetition. */
  readonly eventId: string;
  /** When this try was made; a receiver refuses old ones, so that a recorded message cannot be played again. */
  readonly sentAt: Date;
  readonly body: string;
}

/** The headers of the Standard Webhooks scheme (https://www.standardwebhooks.com), version 1: HMAC-SHA256. */
export function signWebhook(secret: string, { eventId, sentAt, body }: SignedMessage): Record<string, string> {
  const timestamp = String(Math.floor(sentAt.getTime() / 1000));
  const key = secret.startsWith(secretPrefix)
    ? Buffer.from(secret.slice(secretPrefix.length), 'base64')
    : Buffer.from(secret, 'utf8');
  const signature = createHmac('sha256', key).update(`${eventId}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': eventId, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
