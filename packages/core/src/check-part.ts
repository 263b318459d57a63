import { setTimeout as delay } from 'node:timers/promises';
import { OcrError } from './errors.ts';
import type { DeepReadiness } from './ops-server.ts';

/** A probe asks every few seconds, and gives up soon. */
const checkTimeoutMs = 3_000;

/** Whether one of the parts that a service needs answers in time, and why not; never rejects. */
export async function checkPart(checking: Promise<void>): Promise<DeepReadiness[string]> {
  const timeout = new AbortController();
  try {
    const late = delay(checkTimeoutMs, undefined, { signal: timeout.signal, ref: false }).then(() => {
      throw new OcrError('store_unavailable', 'No answer in time');
    });
    await Promise.race([checking, late]);
    return { ok: true };
  } catch (error) {
    return { ok: false, detail: OcrError.from(error).message };
  } finally {
    timeout.abort();
  }
}
