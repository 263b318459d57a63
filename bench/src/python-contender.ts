import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '@glyphmill/ocr/pool';
import type { Contender } from './contender.ts';
import type { BenchImage, Prediction } from './image-set.ts';
import { watchMemory } from './proc-stat.ts';

const peerScripts = {
  'faster-paddle': 'faster_paddle_peer.py',
  RapidOCR: 'rapidocr_peer.py',
} as const;
export type PeerName = keyof typeof peerScripts;

export interface PeerOptions {
  readonly python: string;
  readonly model: ModelName;
  readonly threads: number;
  readonly warmUp: BenchImage | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Answer {
  readonly seconds: number;
  readonly predictions: readonly Prediction[];
}

/** Starts a peer's script (see peers/peer_protocol.py) and lets it read one image. */
export async function createPythonContender(peer: PeerName, options: PeerOptions): Promise<Contender> {
  const { python, model, threads, warmUp, env } = options;
  const script = fileURLToPath(new URL(`../peers/${peerScripts[peer]}`, import.meta.url));
  const child = spawn(python, [script, model, String(threads)], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  const { pid = 0 } = child;
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-2000)));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextAnswer = async (): Promise<unknown> => {
    const line = await answers.next();
    if (line.done === true) throw new Error(`${peer} ended:\n${complaints}`);
    return JSON.parse(line.value);
  };
  await nextAnswer();
  let peak = 0;
  const run = async (images: readonly BenchImage[]): Promise<Answer> => {
    const memory = watchMemory(() => [pid]);
    child.stdin.write(`${JSON.stringify({ paths: images.map(({ path }) => path) })}\n`);
    const answer = (await nextAnswer()) as Answer;
    peak = Math.max(peak, ...memory.stop().each);
    return answer;
  };
  if (warmUp !== undefined) await run([warmUp]);
  return {
    name: peer === 'RapidOCR' ? peer : `${peer} ${model}`,
    run,
    peakBytes: () => peak,
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
