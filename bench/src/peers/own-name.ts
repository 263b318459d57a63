import { listModelFiles, usablePrecision, type ModelName } from '@glyphmill/ocr/pool';

/** `Glyphmill small, int8 recognizer`: the networks that the engines choose in 8 bits here, or `fp32` where there are none. */
export async function ownName(model: ModelName): Promise<string> {
  const { precision } = usablePrecision('auto');
  const chosen = await listModelFiles({ model, precision });
  const float = new Set((await listModelFiles({ model, precision: 'fp32' })).map(({ sha256 }) => sha256));
  const reduced = chosen.filter(({ sha256 }) => !float.has(sha256)).map(({ role }) => role);
  return `Glyphmill ${model}, ${reduced.length === 0 ? 'fp32' : `int8 ${reduced.join(' and ')}`}`;
}
