import type { Logger } from '@glyphmill/core/logging';
import type { Counter } from '@glyphmill/core/metrics';
import type { JobStore } from '@glyphmill/core/store';
import type { Term } from '@glyphmill/core/leader';
import { triedForMs } from './webhook-backoff.ts';

export interface UnsignedWebhooksOptions {
  readonly store: Pick<JobStore, 'giveUpOldEvents'>;
  readonly counter: Counter<'outcome'>;
  readonly logger: Logger;
}

const eventsAtOnce = 250;

/**
 * Without a key nothing is delivered, but jobs may have ended that were accepted while there was one. Their webhooks wait
 * for its return, as long as they would be tried; longer would keep their jobs for ever.
 */
export async function giveUpUnsigned(term: Term, { store, counter, logger }: UnsignedWebhooksOptions): Promise<void> {
  let webhooks = 0;
  let givenUp: number;
  try {
    do {
      term.check();
      givenUp = await store.giveUpOldEvents({
        olderThanMs: triedForMs,
        code: 'deadline_exceeded',
        limit: eventsAtOnce,
      });
      counter.inc({ outcome: 'given_up' }, givenUp);
      webhooks += givenUp;
    } while (givenUp === eventsAtOnce);
  } finally {
    if (webhooks > 0) {
      logger.warn({ webhooks }, 'Webhooks were given up: for a day there was no WEBHOOK_SECRET to sign them with');
    }
  }
}
