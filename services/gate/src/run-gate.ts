import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { startForwarder } from './forward.ts';
import { parseRoutes } from './routes.ts';

/** Longer than a caller of the services ever waits in silence: their event streams speak more often. */
const idleTimeoutMs = 10 * 60_000;
const maxConnections = 1_000;
/** Docker kills ten seconds after it asked to stop. */
const stopGraceMs = 8_000;

export interface GateSettings {
  readonly HOST?: string | undefined;
  readonly OPS_PORT?: string | undefined;
  readonly GATE_ROUTES?: string | undefined;
}

/** Runs until SIGTERM or SIGINT; connections that are open then have a moment to end. Throws an Error on bad settings. */
export async function runGate(env: GateSettings): Promise<void> {
  const host = env.HOST || '127.0.0.1';
  const routes = parseRoutes(env.GATE_ROUTES ?? '');
  const forwarders = await Promise.all(
    routes.map((route) => startForwarder({ host, route, maxConnections, idleTimeoutMs })),
  );
  const ops = createServer((_request, response) => response.end('{"ready":true}'));
  ops.listen(Number(env.OPS_PORT || '9464'), '127.0.0.1');
  say('info', 'gate is open', {
    routes: routes.map((route) => `${route.port}=${route.targetHost}:${route.targetPort}`),
  });

  await new Promise((resolve) => {
    process.once('SIGTERM', resolve);
    process.once('SIGINT', resolve);
  });
  const drained = Promise.all(forwarders.map((forwarder) => forwarder.drain()));
  await Promise.race([drained, delay(stopGraceMs, undefined, { ref: false })]);
  for (const forwarder of forwarders) forwarder.cut();
  ops.closeAllConnections();
  ops.close();
  say('info', 'gate is closed');
}

/** A line like those of the other services, without their logger: this one has no packages. */
function say(level: string, msg: string, fields: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(
    `${JSON.stringify({ level, time: new Date().toISOString(), service: 'gate', pid: process.pid, ...fields, msg })}\n`,
  );
}
