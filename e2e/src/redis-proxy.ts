import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { RedisSplitter } from './redis-wire.ts';

export type Target = { readonly path: string } | { readonly host: string; readonly port: number };

export interface Hold {
  /** Tells the command by its bytes. */
  readonly at: (command: Buffer) => boolean;
  /** Whether the command itself still gets through. */
  readonly side: 'before' | 'after';
}

/** Stands between a service and Redis and does what networks do. */
export interface RedisProxy {
  readonly url: string;
  connections(): number;
  /**
   * Nothing gets through any more, in either direction; connections stay open and new ones are taken, but nobody
   * answers. What is sent meanwhile arrives after `heal`, as TCP sends it again.
   */
  blackhole(): void;
  heal(): void;
  /** Breaks all connections; what was on its way is lost. */
  cut(): void;
  /** Becomes a black hole at the first such command; resolves then. `heal` ends it. */
  holdAt(hold: Hold): Promise<void>;
  /** Published messages are lost until `heal`; all else gets through. Tells how many were lost so far. */
  loseMessages(): () => number;
  close(): Promise<void>;
}

export async function startRedisProxy(target: Target): Promise<RedisProxy> {
  const links = new Set<Link>();
  const network: Network = { isBlack: false, hold: undefined, lostMessages: undefined, blacken };
  function blacken(): void {
    network.isBlack = true;
    for (const link of links) link.pause();
  }
  const server = createServer((client) => {
    const link = new Link({ client, server: connect(target), network });
    links.add(link);
    client.once('close', () => links.delete(link));
    if (network.isBlack) link.pause();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const cut = (): void => {
    for (const link of links) link.cut();
  };
  return {
    url: `redis://127.0.0.1:${port}`,
    connections: () => links.size,
    blackhole: blacken,
    heal() {
      Object.assign(network, { isBlack: false, hold: undefined, lostMessages: undefined });
      for (const link of links) link.resume();
    },
    cut,
    holdAt: ({ at, side }) =>
      new Promise((resolve) => {
        network.hold = { at, side, onHeld: resolve };
      }),
    loseMessages() {
      const lost = { count: 0 };
      network.lostMessages = lost;
      return () => lost.count;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cut();
      await closed;
    },
  };
}

/** What holds for all connections of a proxy. */
interface Network {
  isBlack: boolean;
  hold: (Hold & { readonly onHeld: () => void }) | undefined;
  lostMessages: { count: number } | undefined;
  blacken(): void;
}

/** One connection through the proxy. */
class Link {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #network: Network;
  readonly #commands = new RedisSplitter();
  readonly #replies = new RedisSplitter();
  /** Commands that came before the hole was black and are not sent yet. */
  #stuck: Buffer[] = [];

  constructor({ client, server, network }: { client: Socket; server: Socket; network: Network }) {
    this.#client = client;
    this.#server = server;
    this.#network = network;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.cut();
      });
    }
    client.on('data', (chunk) => {
      this.#stuck.push(...this.#commands.push(chunk));
      this.#send();
    });
    server.on('data', (chunk) => {
      for (const reply of this.#replies.push(chunk)) if (!this.#isLost(reply)) client.write(reply);
    });
  }

  pause(): void {
    this.#client.pause();
    this.#server.pause();
  }

  resume(): void {
    this.#send();
    if (this.#network.isBlack) return;
    this.#client.resume();
    this.#server.resume();
  }

  cut(): void {
    this.#stuck = [];
    this.#client.destroy();
    this.#server.destroy();
  }

  #send(): void {
    const network = this.#network;
    while (!network.isBlack) {
      const command = this.#stuck.shift();
      if (command === undefined) return;
      const { hold } = network;
      if (hold?.at(command) !== true) {
        this.#server.write(command);
        continue;
      }
      network.hold = undefined;
      if (hold.side === 'after') this.#server.write(command);
      else this.#stuck.unshift(command);
      network.blacken();
      hold.onHeld();
    }
  }

  #isLost(reply: Buffer): boolean {
    const { lostMessages } = this.#network;
    // *3 and >3 are what a message comes in; a confirmation of a subscription looks alike but for its first word.
    if (lostMessages === undefined || !/^[*>]3\r\n\$7\r\nmessage\r\n/.test(reply.toString('latin1', 0, 24)))
      return false;
    lostMessages.count += 1;
    return true;
  }
}
