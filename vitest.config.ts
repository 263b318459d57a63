import { defineConfig } from 'vitest/config';

/**
 * Projects by what they need: `unit` nothing, `integration` Redis, Postgres or processes of one service, `e2e` the whole
 * program. The slower ones run few files at once, since each file starts processes of its own. Those three are `npm test`;
 * black-box tests with faults, a browser, an object store or a Docker engine and the count of instructions take minutes, and
 * have projects and scripts of their own.
 */
const seconds = 1000;
const ignored = ['**/node_modules/**', '**/data/**'];

const blackBox = (name: string, include: readonly string[], { maxWorkers = 1 } = {}) => ({
  test: {
    name,
    include: [...include],
    exclude: ignored,
    pool: 'forks' as const,
    maxWorkers,
    testTimeout: 180 * seconds,
    hookTimeout: 180 * seconds,
    // A group's projects have one number of workers.
    sequence: { groupOrder: maxWorkers === 1 ? 3 : 2 },
  },
});

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{packages,services}/*/src/**/*.test.ts',
            'bench/src/**/*.test.ts',
            'models/*.test.ts',
            'monitoring/**/*.test.ts',
            'tools/**/*.test.{ts,mjs}',
            'e2e/kubernetes/src/**/*.test.ts',
          ],
          exclude: ignored,
          // Unset, one core is left to somebody at the keyboard: half of a small machine.
          maxWorkers: '100%',
          testTimeout: 60 * seconds,
          hookTimeout: 60 * seconds,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,services}/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          exclude: [...ignored, '**/test/s3/**'],
          pool: 'forks',
          maxWorkers: 4,
          testTimeout: 90 * seconds,
          hookTimeout: 90 * seconds,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...blackBox('instructions', ['packages/ocr/instructions/*.test.ts']).test,
          globalSetup: 'packages/ocr/instructions/vitest-setup.ts',
          // One run under Valgrind, a minute on a machine that does nothing else.
          hookTimeout: 540 * seconds,
        },
      },
      // They wait for processes more than they compute, and have no bars of time.
      blackBox('e2e', ['e2e/!(*-faults|durable-*|web-*|alerts|dashboards).test.ts'], { maxWorkers: 2 }),
      blackBox('faults', ['e2e/*-faults.test.ts', 'e2e/durable-*.test.ts']),
      blackBox('browser', ['e2e/web-*.test.ts']),
      blackBox('monitoring', ['e2e/{alerts,dashboards}.test.ts']),
      blackBox('s3', ['{packages,services}/*/test/s3/**/*.test.ts', 'e2e/s3/**/*.test.ts']),
      blackBox('chart', ['e2e/chart/**/*.test.ts']),
      blackBox('containers', ['e2e/containers/**/*.test.ts']),
      blackBox('kubernetes', ['e2e/kubernetes/*.test.ts']),
    ],
  },
});
