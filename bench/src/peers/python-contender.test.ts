import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BenchImage } from '../image-set.ts';
import { createPythonContender } from './python-contender.ts';

let folder: string;
beforeEach(async () => (folder = await mkdtemp(path.join(os.tmpdir(), 'peer-'))));
afterEach(() => rm(folder, { recursive: true, force: true }));

const images = ['a', 'b', 'c', 'd'].map((file): BenchImage => ({
  file,
  path: `/images/${file}`,
  bytes: Buffer.alloc(0),
  truth: undefined,
}));

/** A program in Python's place that speaks the peers' protocol and writes down what it was started and asked with. */
async function fakePeer(answer = 'respond(names)') {
  const python = path.join(folder, 'python');
  const log = path.join(folder, 'log');
  const script = `#!${process.execPath}
const { appendFileSync } = require('node:fs');
const { basename } = require('node:path');
const note = (text) => appendFileSync(${JSON.stringify(log)}, text + '\\n');
note('start ' + process.argv.slice(3).join(' '));
const say = (message) => console.log(JSON.stringify(message));
const respond = (names) => say({
  seconds: 2, latenciesMs: names.map(() => 7), predictions: names.map((file) => ({ file, lines: [] })), failures: [],
});
say({ ready: true });
require('node:readline').createInterface(process.stdin).on('line', (line) => {
  const names = JSON.parse(line).paths.map((name) => basename(name));
  note(process.pid + ' ' + names.join(''));
  ${answer};
});
`;
  await writeFile(python, script);
  await chmod(python, 0o755);
  const calls = async (): Promise<string[]> => (await readFile(log, 'utf8')).trim().split('\n');
  return { options: { python, model: 'small' as const, warmUp: images[0], env: process.env }, calls };
}

test('one process is given all images at once, and its own times count', async () => {
  const { options, calls } = await fakePeer();
  const contender = await createPythonContender('RapidOCR', { ...options, processes: 1, threads: 3 });
  const turn = await contender.run(images);
  await contender.close();
  expect(contender.name).toBe('RapidOCR small');
  expect(turn).toMatchObject({ seconds: 2, latenciesMs: [7, 7, 7, 7] });
  const [start, warmUp, round] = await calls();
  expect(start).toBe('start small 3');
  expect([warmUp?.split(' ')[1], round?.split(' ')[1]]).toEqual(['a', 'abcd']);
  expect(contender.usage().peakBytes).toBeGreaterThan(1e6);
});

test('several processes share the images, and nobody knows the latency of one that is alone', async () => {
  const { options, calls } = await fakePeer();
  const contender = await createPythonContender('faster-paddle', { ...options, processes: 2, threads: 1 });
  const turn = await contender.run(images);
  await contender.close();
  expect(contender.name).toBe('faster-paddle small, 2 processes');
  expect(turn.predictions.map(({ file }) => file)).toEqual(['a', 'b', 'c', 'd']);
  expect(turn.latenciesMs).toEqual([]);
  expect(contender.usage().peakBytesEach).toHaveLength(2);
  const reads = (await calls()).filter((call) => !call.startsWith('start')).slice(2);
  expect(reads.map((call) => call.split(' ')[1] ?? '').toSorted()).toEqual(['a', 'b', 'c', 'd']);
  expect(new Set(reads.map((call) => call.split(' ')[0])).size).toBe(2);
});

test.each([1, 2])('an image that a peer cannot read is a failure and no end (%d processes)', async (processes) => {
  const cannot = `say({ seconds: 1, latenciesMs: names.filter((n) => n !== 'c').map(() => 7),
    predictions: names.filter((n) => n !== 'c').map((file) => ({ file, lines: [] })),
    failures: names.filter((n) => n === 'c').map((file) => ({ file, reason: 'damaged' })) })`;
  const { options } = await fakePeer(cannot);
  const contender = await createPythonContender('faster-paddle', { ...options, processes, threads: 1 });
  const turn = await contender.run(images);
  await contender.close();
  expect(turn.failures).toEqual([{ file: 'c', reason: 'damaged' }]);
  expect(turn.predictions.map(({ file }) => file)).toEqual(['a', 'b', 'd']);
});

test.each([1, 2])('a peer that ends says why (%d processes)', async (processes) => {
  const { options } = await fakePeer(`console.error('out of memory'); process.exit(1)`);
  const started = createPythonContender('faster-paddle', { ...options, processes, threads: 1 });
  await expect(started).rejects.toThrow(/faster-paddle ended:\n.*out of memory/s);
});

test.each([1, 2])('a peer that ends in the race ends the race (%d processes)', async (processes) => {
  const { options } = await fakePeer(`if (names.includes('d')) process.exit(1); respond(names)`);
  const contender = await createPythonContender('faster-paddle', { ...options, processes, threads: 1 });
  await expect(contender.run(images)).rejects.toThrow('faster-paddle ended');
  await contender.close();
});

test('a Python that is not there is an error', async () => {
  const { options } = await fakePeer();
  const python = path.join(folder, 'none');
  await expect(
    createPythonContender('faster-paddle', { ...options, python, processes: 1, threads: 1 }),
  ).rejects.toThrow('ENOENT');
});
