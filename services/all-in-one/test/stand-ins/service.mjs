// Behaves as a service does towards its supervisor: a JSON log on stdout, /readyz on OPS_PORT, an orderly end on SIGTERM.
// It also has a child of its own, as the worker has engines, that ends with nobody's channel.
import { spawn } from 'node:child_process';
import { createServer } from 'node:http';
import path from 'node:path';

const nameByPort = process.env.PORT ? 'api' : process.env.WEB_PORT ? 'web' : 'worker';
const program = path.basename(process.argv[1], '.mjs');
const service = program === 'service' ? nameByPort : program;
const log = (msg, fields) =>
  process.stdout.write(
    `${JSON.stringify({ level: 'info', time: new Date().toISOString(), service, msg, ...fields })}\n`,
  );

// Whoever read it may be gone; that alone ends no service.
process.stdout.on('error', () => {});

const engine = spawn(process.execPath, ['-e', 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'], {
  stdio: 'ignore',
});
log('environment', { names: Object.keys(process.env), engine: engine.pid });
createServer((_, response) => response.end('{}')).listen(Number(process.env.OPS_PORT), process.env.HOST);

process.on('SIGTERM', () => {
  log('SIGTERM');
  if (service === 'stubborn') return;
  engine.kill('SIGKILL');
  setTimeout(() => process.exit(0), 100);
});
