import { expect, test } from 'vitest';
import { isImageName, isInboxFolderName } from './names.ts';

test.each(['a.jpg', 'A.JPEG', 'scan 1.Tiff', 'b.png', 'c.webp', 'd.gif', 'e.avif', 'f.tif', 'ä ö.jfif', 'x.tmp.png'])(
  '%s is taken',
  (name) => {
    expect(isImageName(name)).toBe(true);
  },
);

test.each([
  '.a.jpg',
  '._a.jpg',
  '.a.png.Xy12',
  '~$a.png',
  '~a.png',
  'a.png~',
  'a.png.tmp',
  'a.png.part',
  'a.jpg.crdownload',
  'a.jpg.filepart',
  'a.tmp',
  'a.txt',
  'a.bmp',
  'a.svg',
  'a.pdf',
  'Thumbs.db',
  'png',
  'a.',
  '',
])('%s is not', (name) => {
  expect(isImageName(name)).toBe(false);
});

test('folders are entered unless they are hidden or somebody else’s', () => {
  expect(['2026', 'done', 'a.png'].map(isInboxFolderName)).toEqual([true, true, true]);
  expect(['.git', '~tmp', '@eaDir', '$RECYCLE.BIN', '__MACOSX'].map(isInboxFolderName)).toEqual(
    Array.from({ length: 5 }, () => false),
  );
});
