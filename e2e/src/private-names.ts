import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Names that only one process sees. The worker asks the system's resolver, so a test gives it another /etc/resolv.conf
 * in a mount namespace of its own, with a name server that lies as the test wants. That needs root on Linux.
 */
export interface PrivateNames {
  /** What the process runs before it starts; see ServiceOptions. */
  readonly mounts: readonly string[];
  /** How often an IPv4 address of a name was asked for. */
  questions(name: string): number;
  /** `answers[n]` are the addresses for the n-th question, the last one for all that follow. */
  set(name: string, answers: readonly (readonly string[])[]): void;
  close(): void;
}

/** Why it is not possible here; undefined where it is. */
export function whyNoPrivateNames(): string | undefined {
  if (process.platform !== 'linux') return 'mount namespaces are a thing of Linux';
  if (process.getuid?.() !== 0) return 'only root may make a mount namespace and listen on port 53';
  const probe = spawnSync('unshare', ['--mount', 'mount', '--bind', '/etc/resolv.conf', '/etc/resolv.conf']);
  return probe.status === 0 ? undefined : 'this machine does not allow mount namespaces';
}

/** An address of loopback that no resolver of the machine and no other run of these tests listens on. */
const nameServerAddress = `127.153.${randomInt(1, 255)}.${randomInt(1, 255)}`;

export async function startPrivateNames(folder: string): Promise<PrivateNames> {
  const names = new Map<string, readonly (readonly string[])[]>();
  const asked = new Map<string, number>();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    const { name, isIpv4, questionEnd } = readQuestion(query);
    let addresses: readonly string[] = [];
    const known = names.get(name);
    if (known !== undefined && isIpv4) {
      const count = asked.get(name) ?? 0;
      asked.set(name, count + 1);
      addresses = known[Math.min(count, known.length - 1)] ?? [];
    }
    socket.send(
      toAnswer(query.subarray(0, questionEnd), { exists: known !== undefined, addresses }),
      from.port,
      from.address,
    );
  });
  socket.bind(53, nameServerAddress);
  await once(socket, 'listening');
  const resolvers = join(folder, 'resolv.conf');
  await writeFile(resolvers, `nameserver ${nameServerAddress}\noptions timeout:2 attempts:2\n`);
  return {
    mounts: [`mount --bind '${resolvers}' /etc/resolv.conf`],
    questions: (name) => asked.get(name) ?? 0,
    set: (name, answers) => void names.set(name, answers),
    close: () => void socket.close(),
  };
}

const headerBytes = 12;

function readQuestion(query: Buffer): { name: string; isIpv4: boolean; questionEnd: number } {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  const type = query.readUInt16BE(at + 1);
  return { name: labels.join('.').toLowerCase(), isIpv4: type === 1, questionEnd: at + 5 };
}

function toAnswer(question: Buffer, { exists, addresses }: { exists: boolean; addresses: readonly string[] }): Buffer {
  const header = Buffer.from(question);
  // A response, recursion available; 3 says that there is no such name.
  header.writeUInt16BE(0x8180 | (exists ? 0 : 3), 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(addresses.length, 6);
  header.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    // The question's name, type A, class IN, no time to live, 4 bytes.
    Buffer.from([0xc0, headerBytes, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([header, ...records]);
}
