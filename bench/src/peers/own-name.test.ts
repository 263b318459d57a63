import { usablePrecision } from '@glyphmill/ocr/pool';
import { expect, test } from 'vitest';
import { ownName } from './own-name.ts';

test('says what is in 8 bits where the processor is fast with them', async () => {
  const expected = usablePrecision('auto').precision === 'int8' ? /^Glyphmill small, int8 .*recognizer$/ : /, fp32$/;
  expect(await ownName('small')).toMatch(expected);
});
