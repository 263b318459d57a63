/** Numbers that look random and are the same for the same seed. */
export interface Random {
  /** 0 (included) to 1 (excluded). */
  next(): number;
  /** Times between events that happen by chance, `mean` apart on average. */
  exponential(mean: number): number;
  /** Throws RangeError when the list is empty. */
  pick<T>(list: readonly T[]): T;
  /** One of its own for something that goes on beside others: how often those draw does not change it then. */
  fork(): Random;
}

/** sfc32 of Chris Doty-Humphrey's PractRand: 128 bits of state, the seed in one word of them. */
export function createRandom(seed: number): Random {
  let [a, b, c, counter] = [0x9e3779b9, 0x243f6a88, seed | 0, 1];
  const nextWord = (): number => {
    const mixed = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + mixed;
    return mixed >>> 0;
  };
  // So many rounds until each bit of the seed has reached every word.
  for (let round = 0; round < 15; round += 1) nextWord();
  const next = (): number => nextWord() / 2 ** 32;
  return {
    next,
    exponential: (mean) => -mean * Math.log(1 - next()),
    pick(list) {
      const picked = list[Math.floor(next() * list.length)];
      if (picked === undefined) throw new RangeError('Nothing to pick from');
      return picked;
    },
    fork: () => createRandom(nextWord()),
  };
}
