import type { JobStore, NewJob } from '../../src/store/store.ts';
import { claimOne, newJob, pageError, pageOf } from './store-fixture.ts';

const linesAPage = 20;
const wordsALine = 6;
const vocabularySize = 20_000;
const batchSize = 1_000;
const writers = 48;
/** One job of so many fails. */
const failureEvery = 50;

/** The same numbers 0..1 at each run. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const consonants = 'bcdfghklmnprstvw';
const vowels = 'aeiou';

/** Made-up words, of which those that come first are short. */
function wordOfRank(rank: number): string {
  let rest = rank + 20;
  let word = '';
  while (rest > 0) {
    word += (consonants[rest % consonants.length] ?? '') + (vowels[Math.floor(rest / 16) % vowels.length] ?? '');
    rest = Math.floor(rest / 80);
  }
  return word;
}

/** As in any language, the word of rank n is used n times less often than the first. */
export const vocabulary: readonly string[] = Array.from({ length: vocabularySize }, (_item, rank) => wordOfRank(rank));

export const needle = 'zyzzyva';

/** Fills a store with jobs that ended: pages of 20 lines, one job of 50 failed. The oldest jobs alone hold the `needle`. */
export async function storeManyResults(store: JobStore, jobCount: number): Promise<void> {
  const random = createRandom(7);
  const line = (): string =>
    Array.from({ length: wordsALine }, () => vocabulary[Math.floor(vocabularySize ** random()) - 1] ?? '').join(' ');
  const endJob = async (job: NewJob, index: number): Promise<void> => {
    const claim = await claimOne(store, job);
    if (index % failureEvery === failureEvery - 1) {
      await store.finishFailed(claim, pageError);
      return;
    }
    const lines = Array.from({ length: linesAPage }, line);
    if (index < 3) lines[7] = `${lines[7]} ${needle}`;
    await store.finishSucceeded(claim, pageOf(...lines));
  };
  for (let start = 0; start < jobCount; start += batchSize) {
    const jobs = Array.from({ length: Math.min(batchSize, jobCount - start) }, (_item, index) =>
      newJob({ source: { kind: 'url', url: `https://images.example/${start + index}.png?token=secret` } }),
    );
    await store.accept(jobs);
    const queue = [...jobs.entries()];
    const work = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) await endJob(next[1], start + next[0]);
    };
    await Promise.all(Array.from({ length: writers }, work));
  }
}
