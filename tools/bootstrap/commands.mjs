/**
 * What `npm start`, `npm test` and the scripts run once the set-up is done. A step is a program out of node_modules/.bin
 * (`bin`) or a file of ours (`file`). Quiet steps show their output only when they fail; the last step owns the terminal
 * and gets the user's arguments. `needs` are programs that npm does not bring (system-programs.mjs).
 */
const format = { title: 'format', bin: 'oxfmt', args: ['--check'], quiet: true };
const lint = { title: 'lint', bin: 'oxlint', args: ['--type-aware'], quiet: true };
const types = { title: 'types', bin: 'tsc', args: ['-p', 'tsconfig.json'], quiet: true };
const vitest = (...args) => ({ title: 'tests', bin: 'vitest', args: ['run', ...args] });
const projects = (...names) => names.flatMap((name) => ['--project', name]);
/** By the beginning of their names, folder included: `redis-faults` is a part of another name, too. */
const faultsOf = (...names) => [...projects('faults'), ...names.map((name) => `e2e/${name}-`)];
const ours = (file, ...args) => ({ title: file, file, args });

export const commands = {
  start: { needs: ['redis'], steps: [{ ...ours('services/all-in-one/src/main.ts'), endsWithUs: true }] },
  test: {
    needs: ['redis', 'postgres'],
    steps: [format, lint, types, vitest(...projects('unit', 'integration', 'e2e'))],
  },
  verify: { needs: [], steps: [format, lint, types, vitest(...projects('unit'))] },
  ocr: { needs: [], steps: [ours('packages/cli/src/main.ts', 'ocr')] },
  jobs: { needs: [], steps: [ours('packages/cli/src/main.ts', 'jobs')] },
  ingest: { needs: [], steps: [ours('packages/cli/src/main.ts', 'ingest')] },
  migrate: { needs: [], steps: [ours('packages/cli/src/main.ts', 'migrate')] },
  bench: { needs: ['redis'], steps: [ours('bench/src/main.ts')] },
  'bench:machine': { needs: [], steps: [ours('packages/cli/src/main.ts', 'bench')] },
  'bench:peers': { needs: ['redis'], steps: [ours('bench/src/main.ts', 'peers')] },
  'bench:instructions': { needs: ['valgrind'], steps: [vitest(...projects('instructions'))] },
  'demo:load': { needs: [], steps: [ours('bench/src/main.ts', 'demo')] },
  'e2e:ten': { needs: ['redis', 'postgres'], steps: [{ ...vitest(...projects('e2e', 'faults')), times: 10 }] },
  'e2e:faults': { needs: ['redis', 'postgres'], steps: [vitest(...faultsOf('durable', 'ingest'))] },
  'e2e:slow': {
    needs: ['redis'],
    steps: [{ ...vitest(...faultsOf('engine', 'worker', 'redis', 'random')), env: { E2E_SLOW: '1' } }],
  },
  'e2e:durable:slow': {
    needs: ['redis', 'postgres'],
    steps: [{ ...vitest(...faultsOf('durable')), env: { E2E_SLOW: '1' } }],
  },
  'e2e:durable:ten': { needs: ['redis', 'postgres'], steps: [{ ...vitest(...faultsOf('durable')), times: 10 }] },
  'e2e:ingest:slow': { needs: ['redis'], steps: [{ ...vitest(...faultsOf('ingest')), env: { E2E_SLOW: '1' } }] },
  'e2e:s3': { needs: ['redis', 'postgres'], steps: [vitest(...projects('s3'))] },
  'e2e:browser': { needs: ['redis', 'chromium'], steps: [vitest(...projects('browser'))] },
  'e2e:monitoring': { needs: ['redis', 'prometheus'], steps: [vitest(...projects('monitoring'))] },
  'e2e:mutations': {
    needs: ['redis'],
    steps: [{ ...vitest(...projects('e2e'), 'mutated-images'), env: { E2E_MUTATIONS: '1000' } }],
  },
  'e2e:schemathesis': {
    needs: ['redis', 'postgres'],
    steps: [{ ...vitest(...projects('e2e'), 'schemathesis'), env: { E2E_SCHEMATHESIS: '100' } }],
  },
  'e2e:containers': {
    needs: [],
    // What was built, or is up, is what the next test goes on with.
    steps: [vitest(...projects('containers'), '--bail=1')],
  },
  'e2e:kubernetes': {
    needs: ['redis', 'postgres'],
    // One release, whose life goes on from test to test.
    steps: [vitest(...projects('kubernetes'), '--bail=1')],
  },
  // It builds or fetches what else it needs (e2e/chart/src/chart-programs.ts), and says what it cannot.
  'e2e:chart': { needs: ['redis', 'postgres'], steps: [vitest(...projects('chart'))] },
  'e2e:soak': { needs: [], steps: [ours('bench/src/main.ts', 'soak')] },
  'docs:generate': { needs: [], steps: [ours('tools/generate-docs.ts')] },
};
