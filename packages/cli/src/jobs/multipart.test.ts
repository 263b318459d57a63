import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMultipartForm, UploadError } from './multipart.ts';

async function parse({ contentType, encode }: ReturnType<typeof createMultipartForm>): Promise<FormData> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of encode()) chunks.push(chunk);
  const response = new Response(Buffer.concat(chunks), { headers: { 'content-type': contentType } });
  // oxlint-disable-next-line typescript/no-deprecated -- a reader that is not ours, for a few kilobytes
  return response.formData();
}

const fileOf = (name: string, ...chunks: readonly Uint8Array[]) => ({
  name,
  async *open() {
    yield* chunks;
  },
});

describe('createMultipartForm', () => {
  test('is read by others as what was written', async () => {
    const names = fc.string({ unit: fc.constantFrom('a', 'é', '漢', '😀', ' ', '.', '%', ';', '=', '\\') });
    const files = fc.array(fc.record({ name: names, bytes: fc.array(fc.uint8Array()) }), { maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(files, fc.string({ unit: 'grapheme' }), async (given, metadata) => {
        const form = createMultipartForm(
          { metadata },
          given.map(({ name, bytes }) => fileOf(name, ...bytes)),
        );
        for (const _ of ['first try', 'second try']) {
          const parsed = await parse(form);
          expect(parsed.get('metadata')).toBe(metadata);
          const parts = parsed.getAll('files') as File[];
          expect(parts.map(({ name }) => name)).toEqual(given.map(({ name }) => name));
          for (const [index, part] of parts.entries()) {
            expect(Buffer.from(await part.arrayBuffer())).toEqual(Buffer.concat(given[index]!.bytes));
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  test('a name cannot end its header', async () => {
    const [part] = (await parse(createMultipartForm({}, [fileOf('a"\r\nX-Evil: 1', Buffer.from('x'))]))).getAll(
      'files',
    ) as File[];
    expect(part!.name).toContain('X-Evil');
    expect(part!.size).toBe(1);
  });

  test('says which file could not be read', async () => {
    const broken = {
      name: 'b',
      async *open() {
        yield Buffer.from('x');
        throw new Error('gone');
      },
    };
    const parsed = parse(createMultipartForm({}, [fileOf('a', Buffer.from('x')), broken]));
    await expect(parsed).rejects.toThrow(UploadError);
    await expect(parsed).rejects.toMatchObject({ index: 1, cause: { message: 'gone' } });
  });
});
