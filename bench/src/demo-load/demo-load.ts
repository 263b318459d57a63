import { fileURLToPath } from 'node:url';
import type { Surroundings } from '../bench-surroundings.ts';
import { loadImages } from '../image-set.ts';
import { formatTable } from '../table.ts';
import { createDemoClient } from './demo-client.ts';
import { createDemoImages } from './demo-images.ts';
import { parseDemoArguments } from './demo-options.ts';
import { askForAnswers, dropFiles, submitJobs } from './demo-sources.ts';
import { awaitEnds } from './await-ends.ts';
import { createTally } from './tally.ts';

const samplesDir = fileURLToPath(new URL('../../../packages/ocr/samples', import.meta.url));

export async function runDemoLoad(args: readonly string[], { cwd, env, print, note }: Surroundings): Promise<void> {
  const options = parseDemoArguments(args, { cwd, env });
  const client = createDemoClient({
    baseUrl: options.url,
    username: env['BASIC_AUTH_USERNAME'],
    password: env['BASIC_AUTH_PASSWORD'],
  });
  await client.check();
  const images = createDemoImages(await loadImages(samplesDir, undefined), options.seed);
  const tally = createTally();
  note(
    `Sending to ${options.url} for ${options.seconds} s${options.inbox === undefined ? '' : ` and to ${options.inbox}`}`,
  );
  const until = performance.now() + options.seconds * 1000;
  const load = { client, images, tally, until };
  const [, jobs] = await Promise.all([
    Promise.all([askForAnswers(load), askForAnswers(load)]),
    submitJobs(load),
    options.inbox === undefined ? undefined : dropFiles(load, options.inbox),
  ]);
  note(`Waiting for the ends of ${jobs.length} jobs`);
  await awaitEnds({ client, tally, jobs });
  print(formatTable([['what was sent', 'what came of it', 'times'], ...tally.rows()]));
}
