import { toAnalysis } from '@glyphmill/core/analysis';
import type { JobRecord } from '@glyphmill/core/store';

/** What is written beside a file that was read, or could not be. */
export interface ReadingFiles {
  /** The answer of POST /analyze or the error, and which file and job it is of. */
  readonly json: string;
  /** The lines, in reading order; of a file without text nothing, of a failed one the reason. */
  readonly text: string;
}

export function readingFilesOf(job: JobRecord, path: string): ReadingFiles {
  const { id, state, result, error } = job;
  const about = { state, id, path };
  if (result === undefined) {
    const failure = { code: error?.code ?? state, detail: error?.message ?? `The job was ${state}` };
    return { json: toJson({ ...about, error: failure }), text: `${failure.code}: ${failure.detail}\n` };
  }
  return {
    json: toJson({ ...about, ...toAnalysis(result) }),
    text: result.lines.map((line) => `${line.text}\n`).join(''),
  };
}

/** Whether a text was made by `readingFilesOf` for this job and file: what a former try has left. */
export function isReadingOf(json: string, { id, path }: { readonly id: string; readonly path: string }): boolean {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === 'object' && parsed !== null && 'id' in parsed && 'path' in parsed
      ? parsed.id === id && parsed.path === path
      : false;
  } catch {
    return false;
  }
}

function toJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
