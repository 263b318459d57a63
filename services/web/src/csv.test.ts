import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lineOf } from '../test/fake-reader.ts';
import { cellOf, toCsv } from './csv.ts';

describe('a cell', () => {
  test.each([
    ['STEAM', 'STEAM'],
    ['', ''],
    ['=cmd|/C calc', "'=cmd|/C calc"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\t=1', "'\t'=1"],
    ['\r=1', '"\'\r\'=1"'],
    [' =1', "' =1"],
    ['＝1', "'＝1"],
    ['1-1', '1-1'],
    ['a,b', '"a,b"'],
    ['a "b"', '"a ""b"""'],
    ['=HYPERLINK("http://x")', '"\'=HYPERLINK(""http://x"")"'],
    ['two\nlines', '"two\nlines"'],
    ['foo;=HYPERLINK("http://x")', '"foo;\'=HYPERLINK(""http://x"")"'],
    ['a; -1;b', "a;' -1;b"],
    ['a|+1', "a|'+1"],
    ['a\t@b', "a\t'@b"],
    ['a\n=1', '"a\n\'=1"'],
    ['a\r\n=1', '"a\r\'\n\'=1"'],
    ['a;"=1', '"a;\'""=1"'],
    ['a;＝1', "a;'＝1"],
    ['a;b=1', 'a;b=1'],
    ['2026-11-26; 10', '2026-11-26; 10'],
  ])('%j is written as %j', (text, cell) => {
    expect(cellOf(text)).toBe(cell);
  });
});

/** RFC 4180, as a reader understands it. */
function parse(csv: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const [, quoted, plain, end] of csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
    if (end !== ',') {
      rows.push(row);
      row = [];
    }
  }
  return rows;
}

/** As a spreadsheet splits that separates cells at something else than the comma: it sees no quotes but at a cell's start. */
function splitAt(separator: string, csv: string): string[] {
  return csv.split(/[\r\n]/).flatMap((line) => line.split(separator));
}

test('whatever was read comes back, one row a line, and is no formula', () => {
  const character = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 3 }),
    fc.constantFrom('=', '+', '@', '-', ',', '"', '\r', '\n', '\t', ' ', ';', '|', '＝'),
  );
  const text = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 5 }), (texts) => {
      const csv = toCsv({ lines: texts.map((one) => lineOf(one)) }).slice(1);
      const [, ...rows] = parse(csv);
      expect(rows.map(([number]) => number)).toEqual(texts.map((_, index) => String(index + 1)));
      for (const [index, [, cell = '']] of rows.entries()) {
        // But for apostrophes, which hold back what would be a formula.
        expect(cell.replaceAll("'", '')).toBe(texts[index]?.replaceAll("'", ''));
        expect(cell).not.toMatch(/^\s*[=+\-@＝]/);
      }
      for (const cell of [';', '\t', '|'].flatMap((separator) => splitAt(separator, csv)))
        expect(cell).not.toMatch(/^[\s"]*[=+\-@＝]/);
    }),
    { numRuns: 150 },
  );
});
