import { parseEnvironment } from '@glyphmill/core/config';
import { fitEngines } from '@glyphmill/ocr/pool';
import { describe, expect, test } from 'vitest';
import { planEngines } from './open-engines.ts';
import { workerSettings } from './worker-settings.ts';

const settingsOf = (env: Readonly<Record<string, string>>) =>
  parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost', MODEL: 'tiny', ...env });

describe('planEngines', () => {
  test('on a CPU: one for each core and one page for each, nothing batched', () => {
    const plan = planEngines(settingsOf({ MAX_BATCH_SIZE: '8', GPU_MEMORY_LIMIT: '4GB' }));
    expect(plan).toEqual({ provider: 'cpu', ...fitEngines('tiny'), memoryLimitBytes: 1e9 });
    expect(planEngines(settingsOf({ ENGINE_PROCESSES: '3', ENGINE_MEMORY_LIMIT: '700MB' }))).toEqual({
      provider: 'cpu',
      processes: 3,
      threads: 1,
      reason: 'ENGINE_PROCESSES',
      memoryLimitBytes: 700e6,
    });
  });

  test('with CUDA: one for each GPU, with batches as they are set', () => {
    expect(planEngines(settingsOf({ ENGINE_PROVIDER: 'cuda' }))).toMatchObject({
      processes: 1,
      reason: 'one GPU',
      batching: { maxBatchSize: 16, maxQueueDelayMs: 10 },
      memoryLimitBytes: 8e9,
    });
    const given = {
      MAX_BATCH_SIZE: '8',
      MAX_QUEUE_DELAY_MS: '4',
      GPU_MEMORY_LIMIT: '6GB',
      CUDA_VISIBLE_DEVICES: '1,3',
    };
    expect(planEngines(settingsOf({ ENGINE_PROVIDER: 'cuda', ENGINE_PROCESSES: '2', ...given }))).toEqual({
      provider: 'cuda',
      processes: 2,
      reason: 'ENGINE_PROCESSES',
      batching: { maxBatchSize: 8, maxQueueDelayMs: 4 },
      gpuMemoryLimitBytes: 6e9,
      visibleDevices: '1,3',
      memoryLimitBytes: 8e9,
    });
  });
});
