import type { BenchImage } from '../image-set.ts';
import { createRandom, cropAtRandom } from '../soak-images.ts';

export interface DemoImages {
  /** A JPEG that has not been there before. */
  next(): Promise<Uint8Array>;
  /** One whose second half is missing. */
  broken(): Promise<Uint8Array>;
}

/** Pieces of the samples, in sizes that hardly ever come twice. */
export function createDemoImages(samples: readonly BenchImage[], seed: number): DemoImages {
  const random = createRandom(seed);
  const next = async (): Promise<Uint8Array> => {
    const sample = samples[Math.floor(random() * samples.length)];
    if (sample === undefined) throw new Error('No samples');
    return cropAtRandom(sample, random);
  };
  return {
    next,
    async broken() {
      const whole = await next();
      return whole.subarray(0, whole.length / 2);
    },
  };
}
