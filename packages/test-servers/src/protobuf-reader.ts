/** The fields of one protobuf message by their numbers, in the order in which they came. */
export type Fields = ReadonlyMap<number, readonly FieldValue[]>;
/** A varint or fixed number, or the bytes of a string or of another message. */
export type FieldValue = bigint | Uint8Array;

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Reads any protobuf message without its schema; throws on what is none. */
export function readFields(message: Uint8Array): Fields {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const fields = new Map<number, FieldValue[]>();
  let at = 0;
  const readVarint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const readValue = (wireType: number): FieldValue => {
    switch (wireType) {
      case wireTypes.varint:
        return readVarint();
      case wireTypes.fixed64:
        at += 8;
        return view.getBigUint64(at - 8, true);
      case wireTypes.fixed32:
        at += 4;
        return BigInt(view.getUint32(at - 4, true));
      case wireTypes.bytes: {
        const length = Number(readVarint());
        if (at + length > message.length) throw new Error('A field is longer than its message');
        at += length;
        return message.subarray(at - length, at);
      }
      default:
        throw new Error(`No protobuf: wire type ${wireType}`);
    }
  };
  while (at < message.length) {
    const tag = Number(readVarint());
    const values = fields.get(tag >> 3) ?? [];
    values.push(readValue(tag & 7));
    fields.set(tag >> 3, values);
  }
  return fields;
}

export function messagesOf(fields: Fields, number: number): Fields[] {
  return (fields.get(number) ?? []).map((value) => readFields(bytesOf(value)));
}

export function textOf(fields: Fields, number: number): string {
  return Buffer.from(bytesOf(fields.get(number)?.[0])).toString('utf8');
}

export function hexOf(fields: Fields, number: number): string {
  return Buffer.from(bytesOf(fields.get(number)?.[0])).toString('hex');
}

export function numberOf(fields: Fields, number: number): bigint {
  const value = fields.get(number)?.[0] ?? 0n;
  if (typeof value !== 'bigint') throw new Error(`Field ${number} is no number`);
  return value;
}

function bytesOf(value: FieldValue | undefined): Uint8Array {
  if (typeof value === 'bigint') throw new Error('A number where bytes were expected');
  return value ?? new Uint8Array();
}
