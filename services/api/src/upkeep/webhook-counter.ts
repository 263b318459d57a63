import { Counter, type Registry } from '@glyphmill/core/metrics';

export const webhookOutcomes = ['delivered', 'failed', 'given_up'] as const;
export type WebhookOutcome = (typeof webhookOutcomes)[number];

export function countWebhooks(registry: Registry): Counter<'outcome'> {
  return new Counter({
    name: 'glyphmill_webhooks_total',
    help: 'Webhook deliveries by how they ended; failed ones are tried again',
    labelNames: ['outcome'],
    registers: [registry],
  });
}
