import { defineConfig } from 'vitest/config';

/**
 * Three projects by what they need: `unit` nothing, `integration` a redis-server or processes of one service, `e2e` the
 * whole program. The slower two run few files at once, since each file starts processes of its own.
 */
const seconds = 1000;
const ignored = ['**/node_modules/**', '**/data/**'];

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
            'tools/**/*.test.{ts,mjs}',
          ],
          exclude: ignored,
          testTimeout: 20 * seconds,
          hookTimeout: 20 * seconds,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['{packages,services}/*/test/**/*.test.ts', 'bench/test/**/*.test.ts'],
          exclude: ignored,
          pool: 'forks',
          maxWorkers: 2,
          testTimeout: 90 * seconds,
          hookTimeout: 90 * seconds,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ignored,
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 180 * seconds,
          hookTimeout: 180 * seconds,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
