import type { JobResult } from '@glyphmill/core/queue';

/** Tells spreadsheets that this is UTF-8. */
const byteOrderMark = '\uFEFF';
const header = ['line', 'text', 'confidence', 'x1', 'y1', 'x2', 'y2', 'x3', 'y3', 'x4', 'y4'];

/** The lines as a table: RFC 4180, and nothing in it that a spreadsheet would take for a formula, whatever it splits cells at. */
export function toCsv({ lines }: Pick<JobResult, 'lines'>): string {
  const rows = lines.map(({ text, confidence, box }, index) => [
    String(index + 1),
    cellOf(text),
    confidence.toFixed(4),
    ...box.flat().map(String),
  ]);
  return byteOrderMark + [header, ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

/** What a spreadsheet begins a formula with; some look past spaces, and take full-width signs for plain ones. */
const formulaStart = /^[\s\uFEFF]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/;
/**
 * Quotes hold a cell together only where the comma separates cells. A spreadsheet of a country that writes 1,5 splits a
 * file that it is given by a double click at semicolons, others at tabs or bars, and then at the line ends inside a cell,
 * too: what follows these would begin a cell, quotes or not. So it gets an apostrophe as well.
 */
const foreignFormulaStart = /[;\t|\r\n](?=[\s\uFEFF"]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/g;
const needsQuotes = /[",\r\n]/;

/** A text that stays text: an apostrophe keeps it from being a formula, quotes keep its commas and line ends inside. */
export function cellOf(text: string): string {
  const inside = text.replaceAll(foreignFormulaStart, "$&'");
  const harmless = formulaStart.test(text) ? `'${inside}` : inside;
  return needsQuotes.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
