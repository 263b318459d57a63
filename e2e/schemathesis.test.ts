import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { installSchemathesis, runSchemathesis } from './src/schemathesis.ts';
import { seed } from './src/seed.ts';
import { Stack } from './src/stack.ts';

/** 1 is a quick look, 100 a thorough one. */
const maxExamples = Number(process.env['E2E_SCHEMATHESIS'] ?? '0');
const minutes = 60_000;

describe.runIf(maxExamples > 0).each(['sqlite', 'postgres'] as const)('with %s', (database) => {
  let stack: Stack;
  let program: string;

  beforeAll(async () => {
    program = await installSchemathesis();
    const api = { WEBHOOK_SECRET: 'a-secret-of-sixteen', SYNC_TIMEOUT_MS: '5000' };
    stack = await Stack.start({ database, api });
  }, 10 * minutes);
  afterAll(() => stack?.stop());

  test(
    'whatever is asked, the answer is a documented one',
    async () => {
      const { passed, output } = await runSchemathesis({
        program,
        apiUrl: `http://127.0.0.1:${stack.apiPort}`,
        authorization: stack.authorization,
        seed,
        maxExamples,
      });
      expect(passed, output).toBe(true);
      console.log(output.slice(output.indexOf('Test cases:')));
      expect(stack.findDeaths()).toEqual([]);
      await stack.expectWorking();
    },
    30 * minutes,
  );
});
