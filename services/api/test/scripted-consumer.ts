import { setTimeout as delay } from 'node:timers/promises';
import { type ErrorCode, errorCodes } from '@glyphmill/core/errors';
import { createLogger } from '@glyphmill/core/logging';
import { type ClaimedJob, createLaneConsumer, type Outcome } from '@glyphmill/core/queue';
import { z } from 'zod';

/**
 * A worker without engines: the "image" is a script, `say:TEXT`, `fail:CODE`, `after:MS`, `hang`, one a line. A job
 * with a URL says the URL.
 */
export interface ScriptedConsumer {
  /** Why running jobs were stopped, in order. */
  readonly aborts: string[];
  /** Jobs taken so far. */
  readonly taken: string[];
  close(): Promise<void>;
}

export function startScriptedConsumer(redisUrl: string): ScriptedConsumer {
  const aborts: string[] = [];
  const taken: string[] = [];
  const consumer = createLaneConsumer({
    redisUrl,
    logger: createLogger({ service: 'scripted', level: 'silent' }),
    slots: 8,
    mailboxTtlMs: 60_000,
    report: () => ({ engines: 8, busy: 0, meanPageMs: 10 }),
    async handle(job) {
      taken.push(job.payload.id);
      job.signal.addEventListener('abort', () => aborts.push(String(job.signal.reason)));
      const { source } = job.payload;
      if (source.kind === 'url') return say(source.url);
      return play(Buffer.from(await job.input()).toString('utf8'), job);
    },
  });
  consumer.run();
  return {
    aborts,
    taken,
    async close() {
      await consumer.drain(0);
      await consumer.close();
    },
  };
}

async function play(script: string, job: ClaimedJob): Promise<Outcome> {
  for (const line of script.split('\n')) {
    const [verb, word = ''] = line.split(':');
    if (verb === 'say') return say(word);
    if (verb === 'fail') return fail(z.enum(errorCodes).parse(word));
    try {
      await delay(verb === 'hang' ? 600_000 : Number(word), undefined, { signal: job.signal });
    } catch {
      return fail(job.signal.reason === 'deadline' ? 'deadline_exceeded' : 'canceled');
    }
  }
  return say('');
}

function fail(code: ErrorCode): Outcome {
  return { ok: false, error: { code, message: 'As the script says', retryable: false } };
}

function say(text: string): Outcome {
  const corner = [1, 2] satisfies [number, number];
  const box = [corner, corner, corner, corner] satisfies [unknown, unknown, unknown, unknown];
  const lines = text === '' ? [] : [{ text, confidence: 0.912_34, box }];
  return { ok: true, result: { width: 10, height: 10, model: 'scripted', lines, timings: {} } };
}
