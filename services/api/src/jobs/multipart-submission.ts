import { OcrError } from '@glyphmill/core/errors';
import { z } from 'zod';
import { parseBody, refuseCompressed } from '../read-json-body.ts';
import { callbackUrlFault } from './callback-url.ts';
import type { SubmissionOptions } from './json-submission.ts';
import { type MultipartForm, readMultipartForm } from './multipart-form.ts';
import { jobOptionsShape } from './submission-schema.ts';
import { defaultPriority, refuse, type Submission } from './submission.ts';

const optionsSchema = z.object(jobOptionsShape);

/**
 * A submission as form-data: each file is an image, and text fields say for all of them what an image in JSON says for
 * itself. Throws what `readMultipartForm` and `checkRoom` throw, and `invalid_request`.
 */
export async function readMultipartSubmission(request: Request, options: SubmissionOptions): Promise<Submission> {
  refuseCompressed(request.headers);
  // How many files come is seen at the end only; when there is no room at all, none is taken.
  await options.checkRoom([undefined]);
  const { files, fields } = await readMultipartForm(request, options);
  if (fields.has('idempotency_key')) {
    refuse([
      { code: 'invalid_request', pointer: '/idempotency_key', detail: 'Expected it as the header Idempotency-Key' },
    ]);
  }
  const shared = parseBody(optionsSchema, optionsOf(fields));
  if (files.length === 0) {
    throw new OcrError('invalid_request', 'The form holds no file', {
      violations: [{ pointer: '/files', detail: 'Expected at least one file' }],
    });
  }
  const callbackFault = shared.callback_url && callbackUrlFault(shared.callback_url, options.callbacks);
  if (callbackFault) refuse([{ code: 'invalid_request', pointer: '/callback_url', detail: callbackFault }]);
  const images = files.map((file) => ({
    source: { kind: 'blob' as const, ...file },
    priority: shared.priority ?? defaultPriority,
    metadata: shared.metadata,
    callbackUrl: shared.callback_url,
    deadlineMs: shared.deadline_ms,
  }));
  return { kind: images.length === 1 ? 'single' : 'batch', images };
}

/** Text as the values that it spells. What it does not spell stays text, and is then found to be of the wrong type. */
function optionsOf(fields: MultipartForm['fields']): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of ['priority', 'deadline_ms', 'metadata', 'callback_url'] as const) {
    const text = fields.get(name)?.trim();
    // What a web page sends for a field that was left empty.
    if (text === undefined || text === '') continue;
    values[name] = name === 'callback_url' ? text : spelled(text);
  }
  return values;
}

function spelled(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
