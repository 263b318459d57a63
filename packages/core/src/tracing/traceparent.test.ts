import { describe, expect, it } from 'vitest';
import { formatTraceparent, parseTraceparent } from './traceparent.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const spanId = 'b7ad6b7169203331';

describe('parseTraceparent', () => {
  it('reads what W3C Trace Context writes', () => {
    expect(parseTraceparent(`00-${traceId}-${spanId}-01`)).toEqual({ traceId, spanId, isSampled: true });
    expect(parseTraceparent(`00-${traceId}-${spanId}-00`)).toEqual({ traceId, spanId, isSampled: false });
    expect(parseTraceparent(` 00-${traceId}-${spanId}-03 `)).toMatchObject({ isSampled: true });
  });

  it('reads later versions, which may say more', () => {
    expect(parseTraceparent(`cc-${traceId}-${spanId}-01-what-the-future-will-be-like`)).toMatchObject({ traceId });
  });

  it.each([
    undefined,
    '',
    'nonsense',
    `00-${traceId}-${spanId}`,
    `00-${traceId}-${spanId}-01-more`,
    `ff-${traceId}-${spanId}-01`,
    `00-${'0'.repeat(32)}-${spanId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${spanId}-01`,
    `00-${traceId}-${spanId}-0x`,
    `01-${traceId}-${spanId}-01-${'x'.repeat(1_000)}`,
    `00-${traceId}-${spanId}-01\n00-${traceId}-${spanId}-01`,
  ])('takes %j for none', (header) => {
    expect(parseTraceparent(header)).toBeUndefined();
  });
});

it('writes what it reads', () => {
  for (const isSampled of [true, false]) {
    const context = { traceId, spanId, isSampled };
    expect(parseTraceparent(formatTraceparent(context))).toEqual(context);
  }
});
