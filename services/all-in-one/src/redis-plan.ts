import path from 'node:path';
import type { ProcessPlan } from './managed-process.ts';
import { redisAnswers } from './probes.ts';

/**
 * Redis as mere transport: reachable through a socket that only this user can open, nothing on disk, and never silently
 * dropping a job when memory runs out.
 */
export function redisPlan({ program, socketPath }: { program: string; socketPath: string }): ProcessPlan {
  const flags = {
    port: '0',
    unixsocket: socketPath,
    unixsocketperm: '700',
    dir: path.dirname(socketPath),
    save: '',
    appendonly: 'no',
    'maxmemory-policy': 'noeviction',
    daemonize: 'no',
    loglevel: 'notice',
  };
  return {
    name: 'redis',
    command: [program, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value])],
    env: {},
    ready: () => redisAnswers(socketPath),
    readyTimeoutMs: 15_000,
    stopGraceMs: 5_000,
  };
}
