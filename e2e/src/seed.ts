import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';

/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** 0 (included) to 1 (excluded). */
  next(): number;
  /** A whole number from 0 to `limit` - 1. */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
  shuffled<T>(list: readonly T[]): T[];
  /** One of its own for something that goes on beside others, whose draws would else mix. */
  fork(): Random;
}

/** Set E2E_SEED to the seed that a failed run has printed to see the same faults in the same order. */
export const seed: number = readSeed(process.env['E2E_SEED']);

function readSeed(given: string | undefined): number {
  if (given === undefined || given === '') return seedOfThisRun();
  if (!/^\d+$/.test(given)) throw new Error('E2E_SEED is not a whole number');
  return Number(given);
}

/** Each test file has a process of its own; what they share, and no other run does, is their parent. */
function seedOfThisRun(): number {
  const { ppid } = process;
  const parent = existsSync(`/proc/${ppid}/stat`) ? readFileSync(`/proc/${ppid}/stat`, 'latin1') : '';
  // The 22nd field is the tick after boot at which it started.
  const startedAt = parent.slice(parent.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  return createHash('sha256').update(`${bootId()} ${ppid} ${startedAt}`).digest().readUInt32LE() >>> 1;
}

function bootId(): string {
  const path = '/proc/sys/kernel/random/boot_id';
  return existsSync(path) ? readFileSync(path, 'latin1') : String(Math.trunc(Date.now() / 86_400_000));
}

/** Each purpose draws from a row of its own, so that one test more does not change what the others do. */
export function randomFor(purpose: string): Random {
  console.log(`E2E_SEED=${seed} (${purpose})`);
  return createRandom(createHash('sha256').update(`${seed} ${purpose}`).digest().readUInt32LE());
}

/** mulberry32: 32 bits of state are plenty for choosing faults. */
function createRandom(start: number): Random {
  let state = start;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    next,
    below,
    pick: (list) => list[below(list.length)]!,
    fork: () => createRandom(below(2 ** 32)),
    shuffled(list) {
      const left = [...list];
      return Array.from(list, () => left.splice(below(left.length), 1)[0]!);
    },
  };
}
