import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createJobNotices, createJobQueue, createLaneConsumer } from '../src/queue/queue.ts';
import { durablePayloadOf, eventually, logger, openBench, type QueueBench, success } from './queue-bench.ts';

/** A way to Redis whose connections can go silent for ever, both ends believing in them, while new ones get through. */
interface Firewall {
  readonly url: string;
  forget(): void;
  close(): Promise<void>;
}

async function startFirewall(redisUrl: string): Promise<Firewall> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const redis = connect({ path: new URL(redisUrl).pathname });
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(redis).pipe(client);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    forget() {
      for (const socket of sockets) socket.unpipe().pause();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

let bench: QueueBench;
let firewall: Firewall;

beforeEach(async () => {
  bench = await openBench();
  firewall = await startFirewall(bench.redis.url);
});
afterEach(async () => {
  await firewall.close();
  await bench.close();
});

test('a consumer whose connections went silent takes new ones', { timeout: 60_000 }, async () => {
  const ran: string[] = [];
  const consumer = createLaneConsumer({
    redisUrl: firewall.url,
    logger,
    slots: 1,
    mailboxTtlMs: 60_000,
    report: () => ({ engines: 1, busy: 0, meanPageMs: 0 }),
    handle: (job) => {
      ran.push(job.payload.id);
      return Promise.resolve(success('page'));
    },
  });
  consumer.run();
  const [before, after] = [durablePayloadOf(), durablePayloadOf()];
  await bench.queue.enqueue('bulk', before);
  await eventually(() => ran.includes(before.id));
  firewall.forget();
  await bench.queue.enqueue('bulk', after);
  await eventually(() => ran.includes(after.id), 40_000);
  await eventually(async () => (await bench.queue.workers()).length === 1);
  await consumer.close();
});

test('so do producers and listeners', { timeout: 60_000 }, async () => {
  const queue = createJobQueue({ redisUrl: firewall.url, logger, mailboxTtlMs: 60_000 });
  const notices = createJobNotices({ redisUrl: firewall.url, logger });
  await eventually(() => queue.ping().then(() => true));
  const { id } = durablePayloadOf();
  const heard: string[] = [];
  await notices.listen(id, (state) => heard.push(state));
  firewall.forget();
  await expect(queue.ping()).rejects.toMatchObject({ code: 'queue_unavailable' });
  await eventually(() => queue.ping().then(() => true));
  // Listeners are silent by nature: it shows when the next one comes.
  await notices.listen(durablePayloadOf().id, () => undefined);
  await eventually(async () => {
    await queue.announce(id, 'active');
    return heard.length > 0;
  });
  await notices.close();
  await queue.close();
});
