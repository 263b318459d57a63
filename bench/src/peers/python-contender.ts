import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ModelName } from '@glyphmill/ocr/pool';
import type { BenchImage } from '../image-set.ts';
import { sumCpuSeconds } from '../proc-stat.ts';
import { timeRun } from '../timed-run.ts';
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
  readonly processes: number;
  /** Of each process. */
  readonly threads: number;
  readonly warmUp: BenchImage | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/**
 * Starts a peer's script (see peers/peer_protocol.py), as often as said, and lets each process read one image. One process
 * reads images one after the other with all its threads, so that its latencies are those of one request at a time; of
 * several there are none.
 */
export async function createPythonContender(peer: PeerName, options: PeerOptions): Promise<Contender> {
  const { model, processes, warmUp } = options;
  const peers = Array.from({ length: processes }, () => startPeer(peer, options));
  const close = async (): Promise<void> => {
    await Promise.all(peers.map((process) => process.close()));
  };
  try {
    for (const process of peers) {
      await process.ready;
      if (warmUp !== undefined) await process.read([warmUp]);
    }
  } catch (error) {
    await close();
    throw error;
  }
  const pids = peers.map(({ pid }) => pid);
  const meter = createMeter({ pids: () => pids, cpuSeconds: () => sumCpuSeconds(pids) });
  const [first] = peers;
  return {
    name: `${peer} ${model}${processes === 1 ? '' : `, ${processes} processes`}`,
    role: 'saturation',
    run: (images) =>
      meter.measure(() => (processes === 1 && first !== undefined ? first.read(images) : shareImages(images, peers))),
    usage: meter.usage,
    close,
  };
}

interface PeerProcess {
  readonly pid: number;
  /** Resolves when its models are loaded. */
  readonly ready: Promise<void>;
  read(images: readonly BenchImage[]): Promise<Turn>;
  close(): Promise<void>;
}

function startPeer(peer: PeerName, { python, model, threads, env }: PeerOptions): PeerProcess {
  const script = fileURLToPath(new URL(`../../peers/${peerScripts[peer]}`, import.meta.url));
  const child = spawn(python, [script, model, String(threads)], { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-2000)));
  child.stdin.on('error', () => undefined);
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  const answers = createInterface(child.stdout)[Symbol.asyncIterator]();
  const nextAnswer = async (): Promise<unknown> => {
    const line = await answers.next();
    if (line.done === true) {
      // Its last words may come later than the end of its answers.
      await ended;
      throw new Error(`${peer} ended:\n${complaints}`);
    }
    return JSON.parse(line.value);
  };
  const ready = nextAnswer().then(() => undefined);
  ready.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    ready,
    async read(images) {
      child.stdin.write(`${JSON.stringify({ paths: images.map(({ path }) => path) })}\n`);
      return (await nextAnswer()) as Turn;
    },
    async close() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Each process takes the next image when it has read one. */
async function shareImages(images: readonly BenchImage[], peers: readonly PeerProcess[]): Promise<Turn> {
  const idle = [...peers];
  let death: Error | undefined;
  const run = await timeRun(images, peers.length, async (image) => {
    const peer = idle.pop();
    if (peer === undefined) throw new Error('Its process has ended');
    const { predictions, failures } = await peer.read([image]).catch((error: unknown) => {
      death = error instanceof Error ? error : new Error(String(error));
      throw death;
    });
    idle.push(peer);
    const [prediction] = predictions;
    if (prediction === undefined) throw new Error(failures[0]?.reason ?? 'No answer');
    return prediction;
  });
  // An image that cannot be read is one thing, nobody to read it another.
  if (death !== undefined) throw death;
  return { ...run, latenciesMs: [] };
}
