import { runGate } from './run-gate.ts';

try {
  await runGate(process.env);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
