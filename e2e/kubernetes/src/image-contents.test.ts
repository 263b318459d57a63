import { expect, test } from 'vitest';
import { readImages, targetOf } from './image-contents.ts';

test('an image says how it is run, with what it has from those below it', async () => {
  const images = await readImages(new URL('../../../Dockerfile', import.meta.url));
  expect(images.get('worker')).toMatchObject({
    command: ['node', 'services/worker/src/main.ts'],
    workingDir: '/app',
    env: { OPS_PORT: '9464', DATA_DIR: '/data' },
  });
  expect(images.get('worker-gpu')).toMatchObject({
    command: ['node', 'services/worker/src/main.ts'],
    env: { DATA_DIR: '/data', ENGINE_PROVIDER: 'cuda' },
  });
  expect(images.get('ingest')?.env['INBOX_DIR']).toBe('/inbox');
  expect(images.get('api')?.env).not.toHaveProperty('INBOX_DIR');
});

test.each([
  ['glyphmill/api:1.2', 'api'],
  ['localhost:5000/team/glyphmill/worker-gpu', 'worker-gpu'],
  ['glyphmill-worker@sha256:0123', 'worker'],
])('%s is the image of target %s', (image, target) => {
  expect(targetOf(image)).toBe(target);
});
