import { request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Container, HttpGet, Probe } from './pod-types.ts';

/** Where a container's ports are, and how something is run in it. */
export interface ProbedContainer {
  readonly container: Container;
  /** Of this machine. */
  readonly address: string;
  /** Gives the exit code. */
  readonly execute: (command: readonly string[], timeoutMs: number) => Promise<number>;
}

const seconds = 1000;

export function timeoutOf({ timeoutSeconds = 1 }: Probe): number {
  return timeoutSeconds * seconds;
}

/** Whether one probe succeeds, by the rules of the real kubelet: an HTTP answer from 200 to 399, an exit with 0, a connection. */
export async function probe(wanted: Probe, target: ProbedContainer): Promise<boolean> {
  const timeoutMs = timeoutOf(wanted);
  const { httpGet, tcpSocket, exec } = wanted;
  if (httpGet !== undefined) {
    const status = await statusOf(httpGet, target, timeoutMs);
    return status >= 200 && status < 400;
  }
  if (tcpSocket !== undefined) return connects(portOf(tcpSocket.port, target.container), target.address, timeoutMs);
  if (exec !== undefined) return (await target.execute(exec.command, timeoutMs)) === 0;
  throw new Error('This probe does nothing');
}

export interface Probing {
  readonly signal: AbortSignal;
  /** Called when the verdict changes: so many in a row succeeded, or failed, as the probe says. */
  readonly onVerdict: (succeeds: boolean) => void;
}

/** Probes until the signal, or until `onVerdict` aborts it. */
export async function keepProbing(
  wanted: Probe,
  target: ProbedContainer,
  { signal, onVerdict }: Probing,
): Promise<void> {
  const { initialDelaySeconds = 0, periodSeconds = 10, successThreshold = 1, failureThreshold = 3 } = wanted;
  await pause(initialDelaySeconds * seconds, signal);
  let verdict: boolean | undefined;
  let inARow = 0;
  let last: boolean | undefined;
  while (!signal.aborted) {
    const succeeds = await probe(wanted, target).catch(() => false);
    if (signal.aborted) return;
    inARow = succeeds === last ? inARow + 1 : 1;
    last = succeeds;
    if (inARow >= (succeeds ? successThreshold : failureThreshold) && verdict !== succeeds) {
      verdict = succeeds;
      onVerdict(succeeds);
    }
    await pause(periodSeconds * seconds, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}

export async function statusOf(httpGet: HttpGet, target: ProbedContainer, timeoutMs: number): Promise<number> {
  const headers = Object.fromEntries((httpGet.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const options = {
    host: target.address,
    port: portOf(httpGet.port, target.container),
    path: httpGet.path ?? '/',
    headers,
    agent: false,
    signal: AbortSignal.timeout(timeoutMs),
  } as const;
  request(options, (response) => {
    response.resume();
    resolve(response.statusCode ?? 0);
  })
    .on('error', reject)
    .end();
  return promise;
}

function connects(port: number, host: string, timeoutMs: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ port, host, timeout: timeoutMs });
  for (const event of ['error', 'timeout'] as const) socket.once(event, () => resolve(false));
  socket.once('connect', () => resolve(true));
  return promise.finally(() => socket.destroy());
}

export function portOf(port: number | string, { name, ports = [] }: Container): number {
  if (typeof port === 'number') return port;
  const named = ports.find((candidate) => candidate.name === port)?.containerPort ?? Number(port);
  if (Number.isNaN(named)) throw new Error(`Container ${name} has no port named ${port}`);
  return named;
}
