import type { ErrorCode } from '@glyphmill/core/errors';

export interface FailureWords {
  readonly reason: string;
  readonly advice: string;
}

const again =
  'Have the job retried by whoever runs this machine, or save the picture anew and put that into the folder.';
const tellOperator = 'Tell whoever runs this machine.';

/** Every error in the words of somebody who looks after pictures, not servers. Some can hardly be the end of a job. */
export const failureWords: Readonly<Record<ErrorCode, FailureWords>> = {
  image_unsupported: {
    reason: 'The file is not a picture of a kind that can be read.',
    advice: 'Save it as JPEG, PNG, WebP, TIFF, GIF or AVIF and put it into the folder again.',
  },
  image_unreadable: {
    reason: 'The picture is empty, damaged or cut off, or may not be opened.',
    advice:
      'Open it on your own screen. If it looks broken there too, scan or copy it anew; else check who may read the file.',
  },
  image_too_large: {
    reason: 'The picture has too many bytes or pixels.',
    advice: 'Scan it with fewer dots per inch or scale it down. The limits are MAX_IMAGE_BYTES and MAX_IMAGE_PIXELS.',
  },
  body_too_large: {
    reason: 'The request with this picture was too large.',
    advice: 'Scale the picture down. The limit is MAX_IMAGE_BYTES.',
  },
  poison_image: {
    reason: 'The reader broke down on this picture more than once.',
    advice:
      'Do not send it again as it is. Save it anew from a picture program, or read it with your own eyes, and report it.',
  },
  download_failed: {
    reason: 'The picture could not be downloaded from its address.',
    advice: 'Check that the address works in a browser, then send it again.',
  },
  download_timeout: {
    reason: 'Downloading the picture took too long.',
    advice: 'Try again later, or put the picture into the folder instead.',
  },
  url_not_allowed: {
    reason: 'This machine may not download from that address.',
    advice: 'Use a public address, or put the picture into the folder instead.',
  },
  deadline_exceeded: { reason: 'The picture was not read before its deadline.', advice: again },
  storage_full: {
    reason: 'The disk is full.',
    advice: 'Make room on the disk (see the status page). Files in the folder are taken again by themselves.',
  },
  store_unavailable: {
    reason: 'The picture is no longer where it was kept, or the database was away.',
    advice: again,
  },
  queue_unavailable: { reason: 'The queue was away.', advice: again },
  queue_full: { reason: 'Too much was waiting.', advice: again },
  internal: { reason: 'Something went wrong that nobody had foreseen.', advice: again },
  canceled: { reason: 'Somebody canceled it.', advice: 'Send it again if it is still wanted.' },
  invalid_request: { reason: 'The request for it was not right.', advice: tellOperator },
  idempotency_conflict: { reason: 'Its key had been used for another picture.', advice: tellOperator },
  unauthorized: { reason: 'A user name or password was wrong.', advice: tellOperator },
  forbidden_origin: { reason: 'The request for it came from somewhere that is not allowed.', advice: tellOperator },
  job_not_found: { reason: 'The job is gone.', advice: again },
  not_found: { reason: 'It is gone.', advice: again },
  method_not_allowed: { reason: 'The request for it was not right.', advice: tellOperator },
  job_not_cancelable: { reason: 'It had ended already.', advice: 'Nothing needs to be done.' },
  job_not_retryable: { reason: 'It cannot be tried again.', advice: 'Send the picture as a new one.' },
};
