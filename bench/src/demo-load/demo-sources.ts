import { mkdir, rename, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { DemoClient } from './demo-client.ts';
import type { DemoImages } from './demo-images.ts';
import type { Tally } from './tally.ts';

export interface Load {
  readonly client: DemoClient;
  readonly images: DemoImages;
  readonly tally: Tally;
  /** By performance.now(). */
  readonly until: number;
}

/** A job that was accepted, and what it is the job of. */
export interface SentJob {
  readonly id: string;
  readonly sent: string;
}

/** By what is left of a call's number: most pictures are good. */
const kinds = { dead: 3, broken: 7, every: 10 } as const;
const pauseMs = { analyze: 250, jobs: 3000, files: 4000 } as const;

/** No server of this name can exist: RFC 6761. */
function deadUrl(index: number): string {
  return `http://demo.invalid/${index}.jpg`;
}

/** One caller of POST /analyze, who asks for the next picture when it has the answer. */
export async function askForAnswers({ client, images, tally, until }: Load): Promise<void> {
  for (let index = 0; performance.now() < until; index += 1) {
    const kind = index % kinds.every;
    if (kind === kinds.dead) tally.count('POST /analyze, dead URL', await client.analyze(deadUrl(index)));
    else {
      const isBroken = kind === kinds.broken;
      const bytes = await (isBroken ? images.broken() : images.next());
      const url = `data:image/jpeg;base64,${Buffer.from(bytes).toString('base64')}`;
      tally.count(`POST /analyze, ${isBroken ? 'broken' : 'good'} picture`, await client.analyze(url));
    }
    await delay(pauseMs.analyze);
  }
}

/** Uploads of two good pictures and a broken one, and now and then a dead URL. */
export async function submitJobs({ client, images, tally, until }: Load): Promise<SentJob[]> {
  const jobs: SentJob[] = [];
  const keep = (sent: string, { outcome, ids }: Awaited<ReturnType<DemoClient['submitUrls']>>): void => {
    if (ids.length === 0) tally.count(sent, outcome);
    for (const id of ids) jobs.push({ id, sent });
  };
  for (let index = 0; performance.now() < until; index += 1) {
    keep('POST /jobs, good picture', await client.submitImages([await images.next(), await images.next()]));
    if (index % 2 === 0) keep('POST /jobs, broken picture', await client.submitImages([await images.broken()]));
    if (index % 4 === 0) keep('POST /jobs, dead URL', await client.submitUrls([deadUrl(index)]));
    await delay(pauseMs.jobs);
  }
  return jobs;
}

/** Files that are put into a folder of their own in the inbox, whole from the first moment. */
export async function dropFiles({ images, tally, until }: Load, inbox: string): Promise<void> {
  const folder = path.join(inbox, 'demo');
  await mkdir(folder, { recursive: true });
  const run = new Date().toISOString().replaceAll(/\D/g, '');
  const drop = async (name: string, bytes: Uint8Array | string): Promise<void> => {
    const aside = path.join(folder, `.${name}`);
    await writeFile(aside, bytes);
    await rename(aside, path.join(folder, name));
  };
  await drop(`${run}.txt`, 'No picture: it is left alone.\n');
  for (let index = 0; performance.now() < until; index += 1) {
    const isBroken = index % 5 === 4;
    await drop(`${run}-${index}.jpg`, await (isBroken ? images.broken() : images.next()));
    tally.count(`inbox, ${isBroken ? 'broken' : 'good'} picture`, 'put there');
    await delay(pauseMs.files);
  }
}
