import { randomUUID } from 'node:crypto';
import { type Failure, toFailure } from './failure.ts';
import type { JobsCommand } from './jobs-options.ts';
import type { JobsSurroundings } from './jobs-surroundings.ts';
import { formatRow } from './print-jobs.ts';
import { planRequests, type PlannedRequest } from './submission-plan.ts';
import { findSubmitInputs } from './submit-inputs.ts';
import { type RequestOutcome, type SubmitOutcome, type SubmittedJob, submitRequest } from './submit-request.ts';
import { waitAndPrint } from './wait-command.ts';

/** Submits all inputs, request after request; whatever fails does not stop the rest. Returns the exit code. */
export async function runSubmit(
  command: Extract<JobsCommand, { name: 'submit' }>,
  surroundings: JobsSurroundings,
): Promise<number> {
  const { client, printer, signal } = surroundings;
  const found = await findSubmitInputs(command.inputs, surroundings);
  const inputs = found.filter((input) => input.kind !== 'wrong');
  // Before gigabytes are sent to somebody who does not want them.
  if (inputs.length > 0) await client.check();
  const tally = new Tally();
  const print = async (outcome: SubmitOutcome): Promise<void> => {
    tally.add(outcome);
    const { label } = outcome;
    if (outcome.kind === 'refused') await printer.failure(label, outcome.failure, { input: label });
    // Who waits gets one line for each image, too: that of its end.
    else if (command.wait === undefined) {
      await printer.result(formatRow(outcome.job, label), { input: label, ...outcome.job });
    }
  };
  for (const input of found) {
    if (input.kind === 'wrong') await print({ kind: 'refused', label: input.label, failure: toFailure(input.error) });
  }
  for await (const outcome of submitAll(planRequests(inputs), command, surroundings)) await print(outcome);
  if (found.length > 1) printer.note(tally.summary());
  const code = tally.refused > 0 || signal.aborted ? 1 : 0;
  if (command.wait === undefined || tally.accepted.size === 0) return code;
  const known = new Map([...tally.accepted].map(([id, { label, job }]) => [id, { label, state: job.state }]));
  const waited = await waitAndPrint(tally.watched(), { ...command.wait, surroundings, known });
  return Math.max(code, waited);
}

async function* submitAll(
  requests: readonly PlannedRequest[],
  { options, idempotencyKey }: Extract<JobsCommand, { name: 'submit' }>,
  { client, signal }: JobsSurroundings,
): AsyncGenerator<SubmitOutcome> {
  let stop: Failure | undefined;
  for (const [index, request] of requests.entries()) {
    // One of our own makes no second job of what was taken although the answer was lost.
    const key = idempotencyKey === undefined ? randomUUID() : keyOfRequest(idempotencyKey, index);
    const done: RequestOutcome =
      stop === undefined
        ? await submitRequest(request, { client, options, idempotencyKey: key }).catch((error: unknown) => {
            if (!signal.aborted) throw error;
            return refuseAll(request, { code: 'interrupted', detail: 'Interrupted; it may have been submitted' });
          })
        : refuseAll(request, stop);
    if (signal.aborted) stop ??= { code: 'interrupted', detail: 'Interrupted before it was submitted' };
    stop ??= done.stop;
    yield* done.outcomes;
  }
}

/** The same inputs come into the same requests, and so get the same keys. */
function keyOfRequest(key: string, index: number): string {
  return index === 0 ? key : `${key}/${index + 1}`;
}

function refuseAll({ inputs }: PlannedRequest, failure: Failure): RequestOutcome {
  return { outcomes: inputs.map(({ label }) => ({ kind: 'refused', label, failure })) };
}

class Tally {
  refused = 0;
  readonly accepted = new Map<string, { readonly label: string; readonly job: SubmittedJob }>();

  add(outcome: SubmitOutcome): void {
    if (outcome.kind === 'refused') this.refused++;
    else this.accepted.set(outcome.job.id, outcome);
  }

  summary(): string {
    const batches = this.watched().filter(({ kind }) => kind === 'batch');
    const named = batches.slice(0, 3).map(({ id }) => id);
    const more = batches.length > named.length ? ` and ${batches.length - named.length} more` : '';
    const inBatches = named.length === 0 ? '' : `, in batch ${named.join(', ')}${more}`;
    return `${this.accepted.size} of ${this.accepted.size + this.refused} images submitted${inBatches}`;
  }

  /** The batches, and the jobs that are in none. */
  watched() {
    const jobs = [...this.accepted.values()].map(({ job }) => job);
    const batches = new Set(jobs.flatMap(({ batch }) => batch ?? []));
    return [
      ...[...batches].map((id) => ({ kind: 'batch' as const, id })),
      ...jobs.filter(({ batch }) => batch === undefined).map(({ id }) => ({ kind: 'job' as const, id })),
    ];
  }
}
