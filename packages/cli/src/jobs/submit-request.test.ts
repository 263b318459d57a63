import { describe, expect, test } from 'vitest';
import { ApiError, type ApiErrorOptions } from './api-error.ts';
import type { JobClient, Submission } from './job-client.ts';
import { UploadError } from './multipart.ts';
import type { PlannedRequest } from './submission-plan.ts';
import { submitRequest } from './submit-request.ts';

const planned = (...names: string[]): PlannedRequest => ({
  kind: 'urls',
  inputs: names.map((name) => ({ kind: 'url', label: name, url: `http://${name}.test` })),
});
const options = { priority: undefined, metadata: undefined, callbackUrl: undefined, deadlineMs: undefined };

/** Refuses with each of the errors in turn, then takes what comes. */
async function submit(request: PlannedRequest, ...errors: Error[]) {
  const sent: Submission[] = [];
  const client: Pick<JobClient, 'submit'> = {
    async submit(submission) {
      sent.push(submission);
      const error = errors.shift();
      if (error !== undefined) throw error;
      const urls = submission.images.kind === 'urls' ? submission.images.urls : [];
      return { batch: 'batch', jobs: urls.map((url) => ({ id: `job of ${url}`, state: 'queued' })) };
    },
  };
  const { outcomes, stop } = await submitRequest(request, { client, options, idempotencyKey: 'key' });
  const told = outcomes.map((outcome) =>
    outcome.kind === 'accepted' ? `${outcome.label}: ${outcome.job.id}` : `${outcome.label}: ${outcome.failure.detail}`,
  );
  return { told, stop, sent };
}

const refusal = (status: number, pointers: string[] = [], more: ApiErrorOptions = {}) =>
  new ApiError('invalid_request', 'all are wrong', {
    status,
    violations: pointers.map((pointer) => ({ pointer, detail: `wrong at ${pointer}` })),
    ...more,
  });

describe('submitRequest', () => {
  test('sends those that are fine again, under the same key, when others were named', async () => {
    const { told, stop, sent } = await submit(
      planned('a', 'b', 'c', 'd'),
      refusal(422, ['/images/1/image_url', '/images/3']),
      refusal(422, ['/images/0/image_url']),
    );
    expect(told).toEqual([
      'b: wrong at /images/1/image_url',
      'd: wrong at /images/3',
      'a: wrong at /images/0/image_url',
      'c: job of http://c.test',
    ]);
    expect(stop).toBeUndefined();
    expect(sent.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['key', 'key', 'key']);
  });

  test('a file that cannot be read is left out', async () => {
    const gone = new UploadError(0, Object.assign(new Error('gone'), { code: 'ENOENT' }));
    expect((await submit(planned('a', 'b'), gone)).told).toEqual([
      'a: No such file or folder',
      'b: job of http://b.test',
    ]);
  });

  test.each([
    ['nothing in particular', []],
    ['what all have', ['/metadata']],
    ['what all have besides one image', ['/images/0/image_url', '/metadata']],
    ['an image that was not sent', ['/images/2']],
  ])('nobody is left when %s was wrong', async (_, pointers) => {
    const { told, stop, sent } = await submit(planned('a', 'b'), refusal(422, pointers));
    expect(told).toEqual(['a: all are wrong', 'b: all are wrong']);
    expect({ stop, sent: sent.length }).toEqual({ stop: undefined, sent: 1 });
  });

  test.each([401, 403, 429, 503, 507])('%i is no matter of this request alone', async (status) => {
    const { told, stop } = await submit(planned('a'), refusal(status));
    expect(told).toEqual(['a: all are wrong']);
    expect(stop).toMatchObject({ code: 'invalid_request', status });
  });
});
