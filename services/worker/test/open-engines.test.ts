import { existsSync } from 'node:fs';
import { parseEnvironment } from '@glyphmill/core/config';
import { createLogger } from '@glyphmill/core/logging';
import type { EnginePool } from '@glyphmill/ocr/pool';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { openEngines, planEngines } from '../src/open-engines.ts';
import { workerSettings } from '../src/worker-settings.ts';

const settingsOf = (env: Readonly<Record<string, string>>) =>
  parseEnvironment(workerSettings, { REDIS_URL: 'redis://localhost', MODEL: 'tiny', ...env });

describe.skipIf(existsSync('/dev/nvidia0'))('openEngines where CUDA cannot be used', () => {
  let pool: EnginePool | undefined;
  afterEach(() => pool?.close());

  function open(env: Readonly<Record<string, string>>) {
    const logger = createLogger({ service: 'test', level: 'silent' });
    const warn = vi.spyOn(logger, 'warn');
    const settings = settingsOf({ ENGINE_PROVIDER: 'cuda', ...env });
    const opened = openEngines({ settings, logger, onEvent: () => undefined, onBatch: () => undefined });
    return { opened, warn };
  }

  test('fails, and says what is missing', async () => {
    const { opened, warn } = open({});
    await expect(opened).rejects.toMatchObject({
      code: 'provider_unavailable',
      message: expect.stringContaining('CUDA cannot be used here'),
    });
    expect(warn).not.toHaveBeenCalled();
  });

  test('reads on the CPU where that is allowed, with a warning, and says so', async () => {
    const { opened, warn } = open({ ENGINE_FALLBACK: 'cpu', ENGINE_PROCESSES: '1', MODEL_PRECISION: 'int8' });
    const engines = await opened;
    pool = engines.pool;
    expect(engines.provider).toBe('cpu');
    // With CUDA it would have been float32.
    expect(engines.precision).toBe('int8');
    // As many as on any CPU, and one page each.
    expect(pool.size).toBe(planEngines(settingsOf({})).processes);
    expect(pool.capacity).toBe(pool.size);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ reason: expect.stringContaining('CUDA cannot be used here') }),
      expect.stringContaining('ENGINE_FALLBACK'),
    );
    await expect(pool.recognize(Buffer.from('no image'))).rejects.toMatchObject({ code: 'image_unsupported' });
  });

  test('does not hide another failure behind a fallback', async () => {
    const { opened } = open({ ENGINE_FALLBACK: 'cpu', GPU_MEMORY_LIMIT: '1MB' });
    await expect(opened).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringContaining('too small'),
    });
  });
});
