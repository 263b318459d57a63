import { OcrError } from '@glyphmill/core/errors';
import type { ResultReader } from '@glyphmill/core/results';
import type { Hono } from 'hono';
import type { Assets } from '../assets.ts';
import { sendPage } from '../send-page.ts';
import { resultView } from '../views/result-view.ts';
import { plainName } from '../views/source-name.ts';
import { lowFilters } from '../views/text-lines.ts';
import type { WebEnv } from '../web-env.ts';

export interface ResultRouteOptions {
  readonly reader: Pick<ResultReader, 'result'>;
  readonly assets: Assets;
}

/** Loose: an id that nobody has is answered like one that is none. */
export const jobIdPattern = '[0-9a-f-]+';

/** One result, with its picture. */
export function addResultRoute(app: Hono<WebEnv>, { reader, assets }: ResultRouteOptions): void {
  app.get(`/results/:id{${jobIdPattern}}`, async (c) => {
    const record = await reader.result(c.req.param('id'));
    if (record === undefined) throw resultNotFound();
    const view = resultView({ record, from: lineNumber(c.req.query('from')), below: filterOf(c.req.query('below')) });
    return sendPage(c, { assets, title: plainName(record.sources), page: 'results', view });
  });
}

export function resultNotFound(): OcrError {
  return new OcrError('job_not_found', 'There is no such result. It may have been deleted when its time was over.');
}

function lineNumber(text: string | undefined): number {
  return text !== undefined && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : 1;
}

function filterOf(text: string | undefined): number | undefined {
  return lowFilters.find((limit) => String(limit) === text);
}
