import { toAnalysis } from '@glyphmill/core/analysis';
import { OcrError } from '@glyphmill/core/errors';
import type { JobResult } from '@glyphmill/core/queue';
import type { ResultReader } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import { inertPolicy } from '../content-policies.ts';
import { toCsv } from '../csv.ts';
import { downloadName } from '../download-name.ts';
import type { WebEnv } from '../web-env.ts';
import { jobIdPattern, resultNotFound } from './result-route.ts';

interface Format {
  readonly type: string;
  readonly write: (result: JobResult) => string;
}

const formats = {
  json: { type: 'application/json', write: (result) => `${JSON.stringify(toAnalysis(result), undefined, 2)}\n` },
  txt: { type: 'text/plain; charset=utf-8', write: ({ lines }) => lines.map(({ text }) => `${text}\n`).join('') },
  csv: { type: 'text/csv; charset=utf-8', write: toCsv },
} as const satisfies Record<string, Format>;

/** The whole text of a result as a file. */
export function addDownloadsRoute(app: Hono<WebEnv>, reader: Pick<ResultReader, 'result'>): void {
  for (const [extension, { type, write }] of Object.entries(formats)) {
    app.get(`/results/:file{${jobIdPattern}\\.${extension}}`, async (c) => {
      const id = c.req.param('file').slice(0, -extension.length - 1);
      const record = await reader.result(id);
      if (record === undefined) throw resultNotFound();
      if (record.result === undefined)
        throw new OcrError('not_found', 'This picture has not been read: there is no text');
      return c.body(write(record.result), 200, {
        'content-type': type,
        'content-disposition': `attachment; filename="${downloadName(record.sources, { id, extension })}"`,
        'content-security-policy': inertPolicy,
      });
    });
  }
}
