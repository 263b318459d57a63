import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const samples = fileURLToPath(new URL('../../ocr/samples/', import.meta.url));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'glyphmill-cli-'));
  await mkdir(path.join(folder, 'empty'));
  for (const name of ['gift-card.png', 'blank.png', 'exif-6.jpg'])
    await copyFile(samples + name, path.join(folder, name));
  await writeFile(path.join(folder, 'broken.jpg'), 'not a picture');
});

afterAll(() => rm(folder, { recursive: true }));

interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[], variables: Record<string, string> = {}) {
  // Not npm's own variables: they would say that names are meant relative to somewhere else.
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...variables };
  return spawn(process.execPath, [main, 'ocr', '--model', 'tiny', ...args], { cwd: folder, env });
}

async function run(
  args: readonly string[],
  { input, variables }: { readonly input?: Uint8Array; readonly variables?: Record<string, string> } = {},
): Promise<Finished> {
  const child = start(args, variables);
  child.stdin.on('error', () => undefined).end(input);
  const [[code, signal], stdout, stderr] = await Promise.all([
    once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    text(child.stdout),
    text(child.stderr),
  ]);
  return { code, signal, stdout, stderr };
}

function childrenOf(pid: number): string[] {
  return readdirSync('/proc').filter((entry) => {
    if (!/^\d+$/.test(entry)) return false;
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] === String(pid);
    } catch {
      return false;
    }
  });
}

const parseLines = (stdout: string): Record<string, never>[] =>
  stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, never>);

describe('glyphmill ocr', () => {
  test('prints the text of one image and nothing else', async () => {
    expect(await run(['gift-card.png'])).toEqual({
      code: 0,
      signal: null,
      stdout: 'STEAM\nXR56L-H4A5Q-87YXF\n',
      stderr: '',
    });
  });

  test('several images: headers, in order; one that fails does not stop the rest', async () => {
    const { code, stdout, stderr } = await run(['blank.png', 'broken.jpg', 'missing.png', 'empty', 'gift-card.png']);
    expect(stdout).toBe('==> blank.png <==\n\n==> gift-card.png <==\nSTEAM\nXR56L-H4A5Q-87YXF\n');
    expect(stderr.split('\n').map((line) => line.split(': ').slice(0, 2))).toEqual([
      ['broken.jpg', 'image_unsupported'],
      ['missing.png', 'file_not_found'],
      ['empty', 'no_images'],
      [''],
    ]);
    expect(code).toBe(1);
  });

  test('a folder as JSON: one object per image, broken ones too', async () => {
    const { code, stdout } = await run(['--json', '--min-confidence', '0.3', '.']);
    const pages = parseLines(stdout);
    expect(pages.map(({ file }) => file)).toEqual(['blank.png', 'broken.jpg', 'exif-6.jpg', 'gift-card.png']);
    expect(pages[1]).toEqual({
      file: 'broken.jpg',
      error: { code: 'image_unsupported', message: expect.any(String) as string },
    });
    const { lines, width, height, timings } = pages[3]! as Record<string, unknown>;
    expect(lines).toEqual([
      { text: 'STEAM', confidence: expect.any(Number) as number, box: expect.any(Array) as [] },
      { text: 'XR56L-H4A5Q-87YXF', confidence: expect.any(Number) as number, box: expect.any(Array) as [] },
    ]);
    expect([width, height]).toEqual([1000, 1000]);
    expect(Object.keys(timings as object)).toEqual(['decode', 'detect', 'classify', 'recognize', 'total']);
    expect(code).toBe(1);
  });

  test('standard input', async () => {
    const { code, stdout } = await run(['-', '--json'], {
      input: await readFile(path.join(folder, 'gift-card.png')),
    });
    expect(parseLines(stdout)).toMatchObject([{ file: '-', lines: [{ text: 'STEAM' }, {}] }]);
    expect(code).toBe(0);
  });

  test('draws boxes on the upright picture', async () => {
    const { code, stdout, stderr } = await run(['--boxes', 'drawn/exif.png', '--json', 'exif-6.jpg']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [page] = parseLines(stdout);
    const stored = await sharp(path.join(folder, 'exif-6.jpg')).metadata();
    const drawn = await sharp(path.join(folder, 'drawn/exif.png')).metadata();
    expect(drawn).toMatchObject({ format: 'png', width: page!['width'], height: page!['height'] });
    // The sample lies on its side in the file.
    expect([drawn.width, drawn.height]).toEqual([stored.height, stored.width]);
    // Something was drawn: the plain upright picture differs.
    const pixels = (file: string) => sharp(path.join(folder, file)).autoOrient().removeAlpha().raw().toBuffer();
    expect(await pixels('drawn/exif.png')).not.toEqual(await pixels('exif-6.jpg'));
  });

  test('draws many into a folder', async () => {
    const { code } = await run(['--boxes', 'many', 'gift-card.png', 'blank.png', 'broken.jpg']);
    expect(code).toBe(1);
    expect((await readdir(path.join(folder, 'many'))).toSorted()).toEqual(['blank.png.png', 'gift-card.png.png']);
  });

  test('draws on a machine without any font', async () => {
    const noFonts = path.join(folder, 'no-fonts.conf');
    await writeFile(noFonts, '<fontconfig></fontconfig>');
    const args = ['--boxes', 'no-fonts.png', 'gift-card.png'];
    const { code, stderr } = await run(args, { variables: { FONTCONFIG_FILE: noFonts } });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(await sharp(path.join(folder, 'no-fonts.png')).metadata()).toMatchObject({ width: 1000, height: 1000 });
    await rm(path.join(folder, 'no-fonts.png'));
  });

  test.each([
    { args: [], says: 'at least one' },
    { args: ['gift-card.png', '--boxes', 'gift-card.png'], says: 'replace' },
    { args: ['gift-card.png', 'blank.png', '--boxes', 'one.png'], says: 'folder' },
    { args: ['gift-card.png', '--nonsense'], says: '--nonsense' },
  ])('exit code 2 for $args', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  test('--help and --version', async () => {
    expect((await run(['--help'])).stdout).toContain('--boxes');
    expect((await run(['--version'])).stdout).toMatch(/^glyphmill \d+\.\d+\.\d+\n$/);
  });

  test('an interrupt ends it and its engines', async () => {
    const child = start(['--processes', '1', '--json', ...Array<string>(200).fill('gift-card.png')]);
    await once(child.stdout, 'data');
    const engines = childrenOf(child.pid ?? 0);
    expect(engines).toHaveLength(1);
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    await expect.poll(() => engines.filter((pid) => existsSync(`/proc/${pid}/cmdline`)), { timeout: 5000 }).toEqual([]);
  });

  test('a reader that has seen enough is no failure', async () => {
    const child = start(['--processes', '1', '--json', ...Array<string>(200).fill('gift-card.png')]);
    const stderr = text(child.stderr);
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await stderr).toBe('');
  });
});
