/** Redis' protocol, as far as it takes to tell where one command or reply ends and the next begins. */

const lineTypes = new Set(Buffer.from('+-:,#(_'));
const textTypes = new Set(Buffer.from('$=!'));
const listTypes = new Set(Buffer.from('*>~'));
const mapType = '%'.charCodeAt(0);

/** Cuts a stream into whole commands or replies, whatever the chunks that it comes in. */
export class RedisSplitter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const whole: Buffer[] = [];
    for (;;) {
      const end = endOfValue(bytes, 0);
      if (end === undefined) break;
      whole.push(bytes.subarray(0, end));
      bytes = bytes.subarray(end);
    }
    this.#rest = bytes;
    return whole;
  }
}

/** Where the value that begins at `at` ends; undefined when there is more to come. */
function endOfValue(bytes: Buffer, at: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', at);
  if (lineEnd === -1) return undefined;
  const type = bytes[at]!;
  const next = lineEnd + 2;
  if (lineTypes.has(type)) return next;
  const count = Number(bytes.toString('latin1', at + 1, lineEnd));
  if (textTypes.has(type)) return endOfText(bytes, next, count);
  if (listTypes.has(type)) return endOfValues(bytes, next, count);
  if (type === mapType) return endOfValues(bytes, next, 2 * count);
  throw new Error(`No Redis protocol: ${bytes.toString('latin1', at, at + 20)}`);
}

function endOfText(bytes: Buffer, at: number, length: number): number | undefined {
  // Minus one: there is none.
  if (length < 0) return at;
  const end = at + length + 2;
  return end <= bytes.length ? end : undefined;
}

function endOfValues(bytes: Buffer, at: number, count: number): number | undefined {
  let end: number | undefined = at;
  for (let left = count; left > 0 && end !== undefined; left--) end = endOfValue(bytes, end);
  return end;
}
