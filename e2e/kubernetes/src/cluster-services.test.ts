import { expect, test } from 'vitest';
import { serviceLinks, translateNames } from './cluster-services.ts';

const translation = {
  namespace: 'ocr',
  addresses: [
    { service: 'g-api', port: 80, podIp: '10.77.0.2', podPort: 8000 },
    { service: 'g-redis', port: 6379, podIp: '10.77.0.3', podPort: 6379 },
  ],
  toLocal: (ip: string) => ip.replace('10.', '127.'),
};

test.each([
  ['redis://g-redis:6379', 'redis://127.77.0.3:6379'],
  ['redis://:secret@g-redis.ocr.svc.cluster.local:6379/1', 'redis://:secret@127.77.0.3:6379/1'],
  ['http://g-api/analyze', 'http://127.77.0.2:8000/analyze'],
  ['http://g-api.ocr:80', 'http://127.77.0.2:8000'],
  ['redis://g-redis.other:6379', 'redis://g-redis.other:6379'],
  ['redis://g-redis:63790', 'redis://g-redis:63790'],
  ['not-g-redis:6379', 'not-g-redis:6379'],
])('%s leads to %s', (text, translated) => {
  expect(translateNames(text, translation)).toBe(translated);
});

test('a pod is told of the services of its namespace', () => {
  const service = { metadata: { name: 'g-api' }, spec: { clusterIP: '10.96.0.5', ports: [{ port: 80 }] } };
  expect(serviceLinks([service, { ...service, spec: { clusterIP: 'None' } }])).toEqual({
    G_API_SERVICE_HOST: '10.96.0.5',
    G_API_SERVICE_PORT: '80',
    G_API_PORT: 'tcp://10.96.0.5:80',
  });
});
