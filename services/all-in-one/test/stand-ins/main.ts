import { fileURLToPath } from 'node:url';
import { runProgram } from '../../src/run-program.ts';

/** All-in-one over stand-ins for its services: `main.ts WORKER API`. */
const [worker = 'service', api = 'service'] = process.argv.slice(2);
const standIn = (name: string) => fileURLToPath(new URL(`${name}.mjs`, import.meta.url));

process.exitCode = await runProgram({
  env: process.env,
  programs: { worker: standIn(worker), api: standIn(api), ingest: standIn('ingest'), web: standIn('service') },
  backoff: { firstMs: 50, maxMs: 500, resetAfterMs: 60_000 },
});
