import { expect, test } from 'vitest';
import type { Pod } from './pod-types.ts';
import { targetOf } from './scrape-targets.ts';

const pod: Pod = {
  metadata: { name: 'api-1', namespace: 'ocr' },
  spec: { containers: [{ name: 'api', image: 'api', ports: [{ name: 'ops', containerPort: 9464 }] }] },
  status: { phase: 'Running', podIP: '10.77.0.3' },
};

test('the ops port of a running pod is scraped at its address on this machine', () => {
  expect(targetOf(pod)).toEqual({ targets: ['127.77.0.3:9464'], labels: { namespace: 'ocr', pod: 'api-1' } });
});

test('a pod that has not begun, has ended, or has no such port is not', () => {
  expect(targetOf({ ...pod, status: { phase: 'Pending' } })).toBeUndefined();
  expect(targetOf({ ...pod, status: { ...pod.status, phase: 'Succeeded' } })).toBeUndefined();
  expect(targetOf({ ...pod, spec: { containers: [{ name: 'test', image: 'api' }] } })).toBeUndefined();
});
