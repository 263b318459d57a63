/**
 * What `npm start`, `npm test` and the scripts run once the set-up is done. A step is a program out of node_modules/.bin
 * (`bin`) or a file of ours (`file`). Quiet steps show their output only when they fail; the last step owns the terminal
 * and gets the user's arguments.
 */
const format = { title: 'format', bin: 'oxfmt', args: ['--check'], quiet: true };
const lint = { title: 'lint', bin: 'oxlint', args: ['--type-aware'], quiet: true };
const types = { title: 'types', bin: 'tsc', args: ['-p', 'tsconfig.json'], quiet: true };
const vitest = (...args) => ({ title: 'tests', bin: 'vitest', args: ['run', ...args] });
const ours = (file, ...args) => ({ title: file, file, args });

export const commands = {
  start: { needsRedis: true, steps: [{ ...ours('services/all-in-one/src/main.ts'), endsWithUs: true }] },
  test: { needsRedis: true, steps: [format, lint, types, vitest()] },
  verify: { needsRedis: false, steps: [format, lint, types, vitest('--project', 'unit')] },
  ocr: { needsRedis: false, steps: [ours('packages/cli/src/main.ts', 'ocr')] },
  bench: { needsRedis: true, steps: [ours('bench/src/main.ts')] },
  'bench:peers': { needsRedis: true, steps: [ours('bench/src/main.ts', 'peers')] },
  'e2e:ten': { needsRedis: true, steps: [{ ...vitest('--project', 'e2e'), times: 10 }] },
  'e2e:slow': { needsRedis: true, steps: [{ ...vitest('--project', 'e2e', 'faults'), env: { E2E_SLOW: '1' } }] },
  'e2e:mutations': {
    needsRedis: true,
    steps: [{ ...vitest('--project', 'e2e', 'mutated-images'), env: { E2E_MUTATIONS: '1000' } }],
  },
  'e2e:soak': { needsRedis: false, steps: [ours('bench/src/main.ts', 'soak')] },
  'docs:generate': { needsRedis: false, steps: [ours('tools/generate-docs.ts')] },
};
