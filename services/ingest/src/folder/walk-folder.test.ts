import { chmod, mkdir, mkdtemp, rm, rmdir, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { HeldFolder, withFolder, withFolderAt } from './held-folder.ts';
import { WalkFaults } from './walk-faults.ts';
import { lookAtNames, type Walk, walkFolder } from './walk-folder.ts';

let inbox: string;
beforeEach(async () => {
  inbox = await mkdtemp(join(tmpdir(), 'glyphmill-walk-'));
});
afterEach(() => rm(inbox, { recursive: true, force: true }));

async function put(path: string): Promise<void> {
  await mkdir(dirname(join(inbox, path)), { recursive: true });
  await writeFile(join(inbox, path), path);
}

interface Seen {
  readonly files: string[];
  readonly folders: string[];
  readonly faults: string[];
  readonly reasons: string[];
  ignored: number;
}

async function walk(changes: Partial<Walk> & { readonly names?: readonly string[] } = {}): Promise<Seen> {
  const seen: Seen = { files: [], folders: [], faults: [], reasons: [], ignored: 0 };
  const faults = new WalkFaults();
  const options: Walk = {
    signal: new AbortController().signal,
    left: new Set(),
    onFolder: ({ path }) => seen.folders.push(path),
    onIgnored: () => (seen.ignored += 1),
    onFault: (path, error) => {
      seen.faults.push(path);
      faults.add(path, error);
    },
    ...changes,
  };
  await withFolder(HeldFolder.openInbox(inbox), async (held) => {
    const batches = changes.names === undefined ? walkFolder(held, options) : lookAtNames(held, changes.names, options);
    for await (const files of batches) seen.files.push(...files.map(({ path }) => path));
  });
  seen.files.sort();
  seen.reasons.push(...faults.reasons);
  return seen;
}

test('all images of any tree are found, and nothing else', async () => {
  const name = fc.constantFrom('a', 'b', 'ü', 'x y', '.hidden', '~tmp', '@eaDir');
  const file = fc.constantFrom('1.png', '2.JPG', '3.txt', '.4.png', '~5.png', '6.png.part');
  const tree = fc.uniqueArray(fc.tuple(fc.array(name, { maxLength: 3 }), file), {
    maxLength: 12,
    selector: ([folders, last]) => [...folders, last].join('/'),
  });
  await fc.assert(
    fc.asyncProperty(tree, async (entries) => {
      await rm(inbox, { recursive: true });
      await mkdir(inbox);
      const paths = entries.map(([folders, last]) => [...folders, last].join('/'));
      for (const path of paths) await put(path);
      const isSeen = (part: string) => !part.startsWith('.') && !part.startsWith('~') && part !== '@eaDir';
      const expected = paths.filter((path) => path.split('/').every(isSeen) && /\.(png|JPG)$/.test(path));
      expect((await walk()).files).toEqual(expected.toSorted());
    }),
    { numRuns: 40 },
  );
});

test('folders that are left to others are so at the top alone, however they are written', async () => {
  for (const path of ['done/a.png', 'Failed/b.png', 'sub/done/c.png', 'd.png']) await put(path);
  const { files, folders } = await walk({ left: new Set(['done', 'failed']) });
  expect(files).toEqual(['d.png', 'sub/done/c.png']);
  expect(folders.toSorted()).toEqual(['', 'sub', 'sub/done']);
});

test('a look at names finds images among them, and what is below folders; what is gone is no fault', async () => {
  for (const path of ['a.png', 'b.txt', 'sub/deep/c.png', 'other/d.png']) await put(path);
  await symlink(join(inbox, 'a.png'), join(inbox, 'link.png'));
  const seen = await walk({ names: ['a.png', 'b.txt', 'sub', 'gone.png', 'gone', 'link.png'] });
  expect(seen).toMatchObject({ files: ['a.png', 'sub/deep/c.png'], faults: [] });
});

test('it ends when it is told to', async () => {
  for (let n = 0; n < 20; n += 1) await put(`${n}.png`);
  await expect(walk({ signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
});

test('folders deeper than anybody means are a fault, and hold up nothing', async () => {
  await put(`${'deep/'.repeat(70)}a.png`);
  await put('b.png');
  expect(await walk()).toMatchObject({
    files: ['b.png'],
    faults: [expect.stringContaining('deep')],
    reasons: ['too_deep'],
  });
});

test('paths that are too long to be a key are a fault each, folders with all that is in them', async () => {
  const parts = Array.from({ length: 7 }, () => 'ü'.repeat(125));
  const last = (bytes: number) => `${'a'.repeat(bytes - Buffer.byteLength(`${parts.join('/')}/.png`))}.png`;
  const within = [...parts, last(2_000)].join('/');
  for (const path of [within, [...parts, last(2_001)].join('/'), 'b.png']) await put(path);
  await put([...parts, 'x'.repeat(250), 'a.png'].join('/'));
  await put([...parts, 'x'.repeat(250), 'b.png'].join('/'));
  const { files, faults, reasons } = await walk();
  expect(files).toEqual(['b.png', within].toSorted());
  expect(new Set(faults.map((path) => Buffer.byteLength(path)))).toEqual(new Set([2_001, 2_007]));
  expect(reasons).toEqual(['path_too_long']);
});

test('names that are not UTF-8 are a fault, of files and of folders', async () => {
  const odd = (name: string) => Buffer.concat([Buffer.from(`${inbox}/`), Buffer.from(name, 'latin1')]);
  await writeFile(odd('\xE4.png'), 'a');
  await mkdir(odd('\xE4'));
  await put('b.png');
  expect(await walk()).toMatchObject({
    files: ['b.png'],
    faults: ['\uFFFD.png', '\uFFFD'],
    reasons: ['name_not_utf8'],
  });
  await rm(odd('\xE4.png'));
  await rmdir(odd('\xE4'));
});

test.skipIf(process.getuid?.() === 0)('a folder that may not be entered is a fault, and holds up nothing', async () => {
  await put('locked/a.png');
  await put('b.png');
  await chmod(join(inbox, 'locked'), 0);
  expect(await walk()).toMatchObject({ files: ['b.png'], faults: ['locked'] });
  await chmod(join(inbox, 'locked'), 0o700);
});

test('no step follows a link', async () => {
  await put('real/deep/a.png');
  await symlink(join(inbox, 'real'), join(inbox, 'link'));
  await symlink(join(inbox, 'real/deep'), join(inbox, 'real/other'));
  await withFolder(HeldFolder.openInbox(inbox), async (held) => {
    const read = (path: string) => withFolderAt(held, path, (folder) => folder.openFile('a.png'));
    const file = await read('real/deep');
    expect(await file?.readFile('utf8')).toBe('real/deep/a.png');
    await file?.close();
    for (const path of ['link/deep', 'real/other']) await expect(read(path)).rejects.toThrow(/ENOTDIR|ELOOP/);
  });
});
