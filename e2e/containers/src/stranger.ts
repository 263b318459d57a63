import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Pc } from './pc.ts';

const program = fileURLToPath(new URL('stranger-program.ts', import.meta.url));

export interface Stranger {
  /** What has reached it since the last call: `tcp /path`, `udp bytes`. */
  takeSightings(): string[];
  close(): void;
}

/** Somebody outside of the PC whom anything that gets out can reach: TCP port 80, UDP port 53. */
export async function startStranger(pc: Pc, pictureFile: string): Promise<Stranger> {
  const child = spawn(
    'nsenter',
    [`--net=/run/netns/${pc.strangerName}`, process.execPath, program, Pc.strangerAddress, pictureFile],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let sightings: string[] = [];
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', () => {
      reject(new Error('The stranger did not start'));
    });
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') resolve();
      else sightings.push(line);
    });
  });
  return {
    takeSightings: () => {
      const taken = sightings;
      sightings = [];
      return taken;
    },
    close: () => child.kill('SIGKILL'),
  };
}
