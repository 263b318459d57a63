import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** Writes the address of each module that an engine process loads. */
const listModules = `
  import { registerHooks } from 'node:module';
  registerHooks({
    load(url, context, nextLoad) {
      console.log(url);
      return nextLoad(url, context);
    },
  });
  await import(${JSON.stringify(new URL('engine-main.ts', import.meta.url).href)});
`;

test('an engine process does not load the library of the schemas that only the pool checks', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', listModules]);
  expect(stdout).toContain('/packages/ocr/src/pipeline.ts');
  expect(stdout).not.toContain('/zod/');
});
