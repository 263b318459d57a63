import fc from 'fast-check';
import { expect, it } from 'vitest';
import { batchPixelsWithin } from './gpu-memory.ts';
import { maxWholeArea } from './text-detector.ts';

it('grants larger batches the more memory there is, and always one page', () => {
  fc.assert(
    fc.property(fc.integer({ min: 2e9, max: 80e9 }), (bytes) => {
      const pixels = batchPixelsWithin(bytes);
      expect(pixels.detector).toBeGreaterThanOrEqual(maxWholeArea);
      expect(pixels.recognizer).toBeLessThan(pixels.detector);
      expect(batchPixelsWithin(bytes + 1e9).recognizer).toBeGreaterThan(pixels.recognizer);
    }),
  );
});

it('refuses less than a page needs, and says how much that is', () => {
  expect(() => batchPixelsWithin(1_000_000_000)).toThrow(/needs 1900000000/);
  expect(batchPixelsWithin(1_900_000_000).detector).toBeGreaterThanOrEqual(maxWholeArea);
});
