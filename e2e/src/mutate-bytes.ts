import { crc32 } from 'node:zlib';
import type { Random } from './seed.ts';

/** Changes that a bad disk, a bad network or a bad person makes to a file; each gives new bytes. */
const mutations: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  flipBits,
  overwriteBytes,
  truncate,
  insertBytes,
  removeBytes,
  repeatChunk,
  swapChunks,
  extremeNumber,
];

/** One to four changes, one as a rule. Never gives nothing: an empty file is a case of its own. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let mutated = bytes;
  for (let changes = 1 + random.below(1 + random.below(4)); changes > 0; changes--) {
    const changed = random.pick(mutations)(mutated, random);
    if (changed.length > 0) mutated = changed;
  }
  return mutated;
}

function flipBits(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  for (let flips = 1 + random.below(8); flips > 0; flips--) {
    const at = random.below(copy.length);
    copy[at] = copy[at]! ^ (1 << random.below(8));
  }
  return copy;
}

function overwriteBytes(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  const start = random.below(copy.length);
  const value = random.pick([0x00, 0xff, 0x7f, random.below(256)]);
  return copy.fill(value, start, Math.min(copy.length, start + 1 + random.below(16)));
}

function truncate(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, 1 + random.below(bytes.length));
}

function insertBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1);
  const inserted = Buffer.from(Array.from({ length: 1 + random.below(32) }, () => random.below(256)));
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at)]);
}

function removeBytes(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length);
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.below(32))]);
}

function repeatChunk(bytes: Buffer, random: Random): Buffer {
  const [start, end] = chunk(bytes, random);
  return Buffer.concat([bytes.subarray(0, end), bytes.subarray(start)]);
}

function swapChunks(bytes: Buffer, random: Random): Buffer {
  const [start, end] = chunk(bytes, random);
  const at = random.below(start + 1);
  return Buffer.concat([
    bytes.subarray(0, at),
    bytes.subarray(start, end),
    bytes.subarray(at, start),
    bytes.subarray(end),
  ]);
}

/** Sizes, offsets and counts are 16 or 32 bits in all of these formats, and mostly near the beginning. */
function extremeNumber(bytes: Buffer, random: Random): Buffer {
  const copy = Buffer.from(bytes);
  if (copy.length < 4) return copy;
  const at = random.below(Math.min(copy.length - 3, random.pick([64, 512, copy.length])));
  const number = random.pick([0, 1, 0x7fff, 0x8000, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]);
  if (number > 0xffff || random.below(2) === 0) copy.writeUInt32BE(number, at);
  else copy.writeUInt16LE(number, at);
  return copy;
}

/** Start and end of a part of 1 to 256 bytes. */
function chunk(bytes: Buffer, random: Random): [number, number] {
  const start = random.below(bytes.length);
  return [start, Math.min(bytes.length, start + 1 + random.below(256))];
}

const pngSignatureBytes = 8;

/** Puts the right checksum behind each chunk of a PNG file, as far as its chunks can be followed. */
export function repairPng(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  // Length, type, data, checksum.
  for (let at = pngSignatureBytes; at + 12 <= copy.length;) {
    const end = at + 8 + copy.readUInt32BE(at);
    if (end + 4 > copy.length) break;
    copy.writeUInt32BE(crc32(copy.subarray(at + 4, end)), end);
    at = end + 4;
  }
  return copy;
}
