import { readFileSync } from 'node:fs';
import type { Precision, Provider, WeightPrecision } from './types.ts';

/** What to read with, and why; the reason is for a log line. */
export interface PrecisionChoice {
  readonly precision: WeightPrecision;
  readonly reason: string;
}

/** What a processor says of itself. */
export interface Processor {
  /** As Node calls it: `x64`, `arm64`, … */
  readonly architecture: string;
  /** As Linux names them in /proc/cpuinfo; none where it does not tell. */
  readonly features: ReadonlySet<string>;
}

/**
 * Instructions that multiply 8-bit numbers and add up 32-bit ones in one step, as Linux names them. Without them 8 bits
 * are no faster than float32, since ONNX Runtime has to widen each number first.
 */
const dotProductFeatures: Readonly<Record<string, readonly string[]>> = {
  x64: ['avx512_vnni', 'avx_vnni', 'amx_int8'],
  arm64: ['asimddp', 'i8mm'],
};

/**
 * With which weights to read. `auto` takes 8 bits on a processor with dot products of 8-bit numbers. With CUDA it is
 * float32 whatever was asked for: its operators know no 8 bits, and would leave half of a network to the CPU.
 */
export function choosePrecision(wanted: Precision, provider: Provider, processor: Processor): PrecisionChoice {
  if (provider === 'cuda') return { precision: 'fp32', reason: 'with CUDA all computes in float32' };
  if (wanted !== 'auto') return { precision: wanted, reason: 'it was asked for' };
  const wantedFeatures = dotProductFeatures[processor.architecture] ?? [];
  const found = wantedFeatures.find((feature) => processor.features.has(feature));
  if (found !== undefined) return { precision: 'int8', reason: `this processor has ${found}` };
  const missing = wantedFeatures.length === 0 ? '8-bit dot products' : wantedFeatures.join(', ');
  return { precision: 'fp32', reason: `this processor (${processor.architecture}) is not known to have ${missing}` };
}

/** `choosePrecision` for the processor that this process runs on. */
export function usablePrecision(wanted: Precision, provider: Provider = 'cpu'): PrecisionChoice {
  return choosePrecision(wanted, provider, thisProcessor());
}

function thisProcessor(): Processor {
  return { architecture: process.arch, features: parseFeatures(readProcessors()) };
}

/** Only Linux has the file; elsewhere, and where it must not be read, nothing is known. */
function readProcessors(): string {
  try {
    return readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    return '';
  }
}

/** The features of the first processor in /proc/cpuinfo: the line `flags` on x86, `Features` on ARM. */
export function parseFeatures(cpuinfo: string): ReadonlySet<string> {
  const line = /^(?:flags|Features)\s*:(.*)$/m.exec(cpuinfo);
  return new Set(line?.[1]?.trim().split(/\s+/));
}
