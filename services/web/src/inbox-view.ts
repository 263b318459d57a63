import type { InboxClient, InboxStatus } from '@glyphmill/core/inbox';

/** What the pages know of the inbox: asked often, so that an answer is good for a moment and nobody waits long for one. */
export interface InboxView {
  /** Undefined where nobody answers on the control socket: then there is no inbox to show or to scan. */
  status(): Promise<InboxStatus | undefined>;
  /** Throws InboxError. */
  scan(): Promise<InboxStatus>;
}

const goodForMs = 1_500;
/** A page is not held up by an inbox that is slow to answer. */
const patienceMs = 250;

export function createInboxView(client: Pick<InboxClient, 'status' | 'scan'>): InboxView {
  let known: InboxStatus | undefined;
  let askedAt = -Infinity;
  let asking: Promise<void> | undefined;

  const ask = async () => {
    try {
      known = await client.status();
    } catch {
      known = undefined;
    }
    asking = undefined;
    askedAt = performance.now();
  };

  return {
    async status() {
      if (performance.now() - askedAt < goodForMs) return known;
      asking ??= ask();
      await Promise.race([
        asking,
        new Promise((resolve) => {
          setTimeout(resolve, patienceMs).unref();
        }),
      ]);
      return known;
    },
    async scan() {
      known = await client.scan();
      askedAt = performance.now();
      return known;
    },
  };
}
