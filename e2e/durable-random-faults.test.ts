import { expect, test } from 'vitest';
import { countUnfinished } from './src/audit.ts';
import { isSlowRun, mixedOrders, patience } from './src/durable-stack.ts';
import { delay } from './src/eventually.ts';
import { Ledger } from './src/ledger.ts';
import { signalIfAlive } from './src/process-table.ts';
import { type Random, randomFor } from './src/seed.ts';
import type { ServiceProcess } from './src/service-process.ts';
import { Stack } from './src/stack.ts';

const walk = randomFor('durable random faults');
/** The seed chooses the database, too; a slow run takes both. */
const databases = isSlowRun ? (['sqlite', 'postgres'] as const) : [walk.pick(['sqlite', 'postgres'] as const)];
const steps = isSlowRun ? 60 : 10;
const submitEveryMs = 400;
/** What is left at the end is no backlog then, however slow the machine: recovery is what is asked about. */
const maxUnfinished = 16;

/** A fault that has ended when it resolves. */
type Fault = (random: Random) => Promise<unknown>;

/** By what they strike: two at a time strike different things. */
function faultsOf(stack: Stack, ledger: Ledger): Readonly<Record<string, Readonly<Record<string, Fault>>>> {
  const pickWorker = (random: Random): ServiceProcess => random.pick(stack.runningWorkers());
  return {
    engines: {
      'an engine is killed': async (random) => {
        const engines = stack.engines();
        if (engines.length > 0) signalIfAlive(random.pick(engines), 'SIGKILL');
      },
      'all engines are killed': async () => {
        for (const engine of stack.engines()) signalIfAlive(engine, 'SIGKILL');
      },
      'an engine stands still': async (random) => {
        const engines = stack.engines();
        if (engines.length === 0) return;
        const engine = random.pick(engines);
        signalIfAlive(engine, 'SIGSTOP');
        await delay(random.below(2_000));
        signalIfAlive(engine, 'SIGCONT');
      },
    },
    workers: {
      'a worker is killed': async (random) => {
        await pickWorker(random).kill();
        await stack.startWorker();
      },
      'all workers are killed': async () => {
        const workers = stack.runningWorkers();
        await Promise.all(workers.map((worker) => worker.kill()));
        await Promise.all(workers.map(() => stack.startWorker()));
      },
      'a worker is replaced': async (random) => {
        const [exit] = await Promise.all([pickWorker(random).stop(), stack.startWorker()]);
        expect(exit).toEqual({ code: 0, signal: null });
      },
      'a worker stands still': async (random) => {
        const worker = pickWorker(random);
        worker.signal('SIGSTOP');
        // Others believe it dead after seven seconds.
        await delay(random.below(10_000));
        worker.signal('SIGCONT');
      },
    },
    api: {
      'the API is killed': async (random) => {
        await stack.api.kill();
        await delay(random.below(1_000));
        await stack.startApi();
      },
      'the API is replaced': async () => {
        expect(await stack.api.stop()).toEqual({ code: 0, signal: null });
        await stack.startApi();
      },
      'the API stands still': async (random) => {
        const { api } = stack;
        api.signal('SIGSTOP');
        await delay(random.below(3_000));
        api.signal('SIGCONT');
      },
    },
    Redis: {
      'Redis is killed': async (random) => {
        await stack.redis.kill();
        await delay(random.below(2_000));
        await stack.redis.start();
      },
      'Redis hangs': async (random) => {
        stack.redis.pause();
        await delay(random.below(4_000));
        stack.redis.resume();
      },
      'Redis is flushed': () => stack.redis.client.flushall(),
      'Redis has no memory left': async (random) => {
        await stack.redis.client.config('SET', 'maxmemory', '1');
        await delay(random.below(2_000));
        await stack.redis.client.config('SET', 'maxmemory', '0');
      },
    },
    network: {
      'a black hole': async (random) => {
        const network = stack.networkOf(random.pick([stack.api, ...stack.runningWorkers()]));
        network.blackhole();
        await delay(random.below(6_000));
        if (random.below(2) === 0) network.cut();
        network.heal();
      },
      'connections break': async () => {
        for (const service of [stack.api, ...stack.runningWorkers()]) stack.networkOf(service).cut();
      },
      'messages are lost': async (random) => {
        const network = stack.networkOf(stack.api);
        network.loseMessages();
        await delay(random.below(2_000));
        network.heal();
      },
    },
    database: {
      'the database is locked': async (random) => {
        const unlock = await ledger.database.lock();
        await delay(random.below(3_000));
        await unlock();
      },
      ...(stack.postgres?.isOurs === true && {
        'Postgres is killed': async (random) => {
          await stack.postgres!.kill();
          await delay(random.below(2_000));
          await stack.postgres!.start();
        },
        'Postgres hangs': async (random) => {
          await stack.postgres!.pause();
          await delay(random.below(3_000));
          await stack.postgres!.resume();
        },
      }),
    },
    clients: {
      'some change their mind': async (random) => {
        const open = ledger.entries.filter(({ fate, cancel }) => fate === 'accepted' && cancel === 'not_asked');
        await Promise.all(
          random
            .shuffled(open.slice(-8))
            .slice(0, 4)
            .map((entry) => ledger.cancel(entry)),
        );
      },
      'some submit a long page': (random) =>
        ledger.submitMany([{ picture: 'long', via: random.pick(['url', 'upload']) }]),
    },
  };
}

test.each(databases)(
  'faults in random order, two at a time, with %s',
  { timeout: 60_000 + steps * 30_000 },
  async (database) => {
    const stack = await Stack.start({ network: 'proxy', workers: 2, database, env: patience });
    const ledger = await Ledger.open(stack);
    try {
      const faults = faultsOf(stack, ledger);
      const endLoad = startLoad(ledger);
      for (let step = 0; step < steps; step++) {
        const struck = walk.shuffled(Object.keys(faults)).slice(0, 1 + walk.below(2));
        const chosen = struck.map((subject) => walk.pick(Object.entries(faults[subject]!)));
        console.log(
          `${step + 1}: ${chosen.map(([name]) => name).join(', and ')} (${ledger.entries.length} jobs so far)`,
        );
        await Promise.all(chosen.map(([, strike]) => strike(walk.fork())));
        await delay(walk.below(1_500));
      }
      await endLoad();
      const endedAt = Date.now();
      await ledger.insist();
      await ledger.settle(`random faults with ${database}`, { endedAt });
      expect(await stack.findLeaks('logs')).toEqual([]);
    } finally {
      await ledger.close();
      await stack.stop();
    }
  },
);

/** Ever new jobs by clients that take what they are told. */
function startLoad(ledger: Ledger): () => Promise<void> {
  let isOver = false;
  const sent: Promise<unknown>[] = [];
  // Draws of its own: how many there are depends on the time that faults take.
  const clients = randomFor('clients of durable random faults');
  const load = (async () => {
    while (!isOver) {
      const waitSeconds = clients.below(4) === 0 ? { waitSeconds: 1 + clients.below(10) } : {};
      const orders = mixedOrders(clients, 2).map((order) => ({ ...order, ...waitSeconds }));
      // A database that does not answer is no reason to stop asking.
      const unfinished = await countUnfinished(ledger.database).catch(() => 0);
      if (unfinished < maxUnfinished) sent.push(ledger.submitMany(orders));
      await delay(submitEveryMs);
    }
  })();
  return async () => {
    isOver = true;
    await load;
    await Promise.all(sent);
  };
}
