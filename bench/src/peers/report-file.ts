import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../bench-surroundings.ts';
import { formatReport } from './report-markdown.ts';
import { drawPlots } from './report-plots.ts';
import type { PeersReport } from './race-report.ts';

const begin = '<!-- bench:peers: written by the bench, and replaced by it -->';
const end = '<!-- bench:peers: end -->';

/** Plots lie in this folder beside the report. */
const plotsFolder = 'bench';

/** Throws `UsageError` when the file is there and has no place for a report: better before the race than after it. */
export async function checkReportFile(file: string): Promise<void> {
  insertReport(await readReportFile(file), '', file);
}

/** Writes the report between the marks in the file, or a file of its own where there is none, and the plots beside it. */
export async function writeReport(file: string, report: PeersReport): Promise<void> {
  const plots = drawPlots(report);
  const folder = path.join(path.dirname(file), plotsFolder);
  await mkdir(folder, { recursive: true });
  for (const { file: name, svg } of plots) await writeFile(path.join(folder, name), svg);
  const text = formatReport(report, plots, plotsFolder);
  await writeFile(file, insertReport(await readReportFile(file), text, file));
}

async function readReportFile(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** `content` with `report` between the marks; `undefined` is a file that is not there. Throws `UsageError` without marks. */
export function insertReport(content: string | undefined, report: string, file: string): string {
  const section = `${begin}\n\n${report}\n\n${end}`;
  if (content === undefined) return `# Beside other OCR programs\n\n${section}\n`;
  const [from, to] = [content.indexOf(begin), content.indexOf(end)];
  if (from === -1 || to < from) {
    throw new UsageError(`${file} has no place for a report: put these lines where it belongs\n${begin}\n${end}`);
  }
  return `${content.slice(0, from)}${section}${content.slice(to + end.length)}`;
}
