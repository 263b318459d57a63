import { Gauge, type Registry } from '@glyphmill/core/metrics';
import type { ModelFile } from '@glyphmill/ocr/pool';

/** What the engines have loaded. */
export interface LoadedModel {
  readonly name: string;
  readonly provider: string;
  readonly precision: string;
  readonly files: readonly ModelFile[];
}

/** Of a SHA-256: enough to tell files apart. */
const shownDigits = 12;

export function createModelInfo(registry: Registry): (model: LoadedModel) => void {
  const gauge = new Gauge({
    name: 'glyphmill_model_info',
    help: 'Always 1; its labels say with what the engines read: sha256 is the beginning of that of the file of weights',
    labelNames: ['model', 'provider', 'precision', 'role', 'sha256'],
    registers: [registry],
  });
  return ({ name: model, provider, precision, files }) => {
    gauge.reset();
    for (const { role, sha256 } of files) {
      gauge.set({ model, provider, precision, role, sha256: sha256.slice(0, shownDigits) }, 1);
    }
  };
}
