import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage } from '../image-set.ts';
import { sumCpuSeconds } from '../proc-stat.ts';
import type { Contender, Turn } from './contender.ts';
import { createMeter } from './meter.ts';

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

/**
 * Starts a peer's script (see peers/peer_protocol.py) and lets it read one image. It reads images one after the other with
 * all its threads, so that its latencies are those of one request at a time.
 */
export async function createPythonContender(peer: PeerName, options: PeerOptions): Promise<Contender> {
  const { python, model, threads, warmUp, env } = options;
  const script = fileURLToPath(new URL(`../../peers/${peerScripts[peer]}`, import.meta.url));
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
  const ask = async (images: readonly BenchImage[]): Promise<Turn> => {
    child.stdin.write(`${JSON.stringify({ paths: images.map(({ path }) => path) })}\n`);
    return (await nextAnswer()) as Turn;
  };
  if (warmUp !== undefined) await ask([warmUp]);
  const meter = createMeter({ pids: () => [pid], cpuSeconds: () => sumCpuSeconds([pid]) });
  return {
    name: `${peer} ${model}`,
    role: 'saturation',
    run: (images) => meter.measure(() => ask(images)),
    usage: meter.usage,
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}
