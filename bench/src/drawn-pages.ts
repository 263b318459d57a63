import { fileURLToPath } from 'node:url';
import { type BenchImage, loadImages } from './image-set.ts';

/** Of about the same size, so that it matters little who reads which one. */
const names: ReadonlySet<string> = new Set(['gray.jpg', 'tilted-receipt.jpg', 'two-columns.png', 'upside-down.png']);
const samples = fileURLToPath(new URL('../../packages/ocr/samples/', import.meta.url));

/** Pages that were drawn for the tests of the engine: whoever has the project has them. */
export async function loadDrawnPages(): Promise<BenchImage[]> {
  return (await loadImages(samples, undefined)).filter(({ file }) => names.has(file));
}
