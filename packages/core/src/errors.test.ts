import { expect, it } from 'vitest';
import { errorCodes, faultClassOf } from './errors.ts';

it('knows our own faults: what an alarm may be about', () => {
  expect(errorCodes.filter((code) => faultClassOf(code) === 'service_error').toSorted()).toEqual([
    'deadline_exceeded',
    'internal',
    'poison_image',
    'queue_unavailable',
    'storage_full',
    'store_unavailable',
  ]);
});

it('blames nobody for what was canceled', () => {
  expect(errorCodes.filter((code) => faultClassOf(code) === 'canceled')).toEqual(['canceled']);
});
