import { boxesFromBitmap } from '../src/boxes-from-bitmap.ts';
import { cropLine } from '../src/crop.ts';
import { ctcDecode } from '../src/ctc-decode.ts';
import { imageNet, symmetric, writePlanes } from '../src/normalize.ts';
import { inReadingOrder } from '../src/reading-order.ts';
import { textRegion } from '../src/text-region.ts';
import type { Quad } from '../src/types.ts';
import { drawLines, drawPage, drawProbabilityMap, numbersFrom } from './drawn-inputs.ts';

/** A piece of the engine that JavaScript itself computes, with an input that is always the same. */
export interface Kernel {
  /** What one call works through, and how many of them. */
  readonly unit: 'pixel' | 'step' | 'line';
  readonly unitsPerCall: number;
  /**
   * Calls that are counted, and as many before them to warm up: enough that V8 has compiled all for the last time, and that
   * one run more or less of the garbage collector does not show.
   */
  readonly calls: number;
  /** Draws the input; what it returns makes one call. */
  readonly prepare: () => () => unknown;
}

const [mapWidth, mapHeight] = [640, 480];
const [lineWidth, lineHeight] = [320, 48];
const steps = 200;

/** Every kernel that is counted. What is called here is all that has to follow when one of them changes its name. */
export const kernels = {
  'boxes from a map': {
    unit: 'pixel',
    unitsPerCall: mapWidth * mapHeight,
    calls: 24,
    prepare: () => {
      const map = drawProbabilityMap(mapWidth, mapHeight);
      return () => boxesFromBitmap(map, { binThreshold: 0.2, boxThreshold: 0.4, unclipRatio: 1.4 });
    },
  },
  'part of a page with text': {
    unit: 'pixel',
    unitsPerCall: mapWidth * mapHeight,
    calls: 24,
    prepare: () => {
      // A blank sheet: all of it has to be looked at, and nothing is found early.
      const image = { data: new Uint8Array(mapWidth * mapHeight * 3).fill(200), width: mapWidth, height: mapHeight };
      const map = { data: new Float32Array((mapWidth * mapHeight) / 4), width: mapWidth / 2, height: mapHeight / 2 };
      return () => textRegion(map, image);
    },
  },
  // Lines that lie along the page's rows may be cut in a way of their own.
  'crop of a level line': cropKernel({
    quad: [
      [20.5, 30.25],
      [339.5, 30.25],
      [339.5, 77.25],
      [20.5, 77.25],
    ],
    calls: 40,
  }),
  'crop of a tilted line': cropKernel({
    quad: [
      [20.5, 30.25],
      [339, 38],
      [338, 86],
      [19.5, 78.25],
    ],
    calls: 40,
  }),
  'crop of a tilted line, twice as large': cropKernel({
    quad: [
      [20.5, 30.25],
      [657, 45],
      [655, 141],
      [18.5, 126.25],
    ],
    calls: 20,
  }),
  'planes of a page': planesKernel(mapWidth, mapHeight, mapWidth),
  'planes of a padded line': planesKernel(lineWidth - 13, lineHeight, lineWidth),
  'text of a line': {
    unit: 'step',
    unitsPerCall: steps,
    calls: 4_000,
    prepare: () => {
      const next = numbersFrom(4);
      const characters = Array.from({ length: 500 }, (_, c) => String.fromCodePoint(0x4e00 + c));
      // Two steps in three are blank, as in real lines, and some characters last two steps.
      const classes = Int32Array.from({ length: steps }, () => (next() < 0.67 ? 0 : 1 + Math.floor(next() * 400)));
      for (let step = 10; step < steps; step += 10) classes[step] = classes[step - 1] ?? 0;
      const probabilities = Float32Array.from({ length: steps }, next);
      const spaces = Float32Array.from({ length: steps }, (_, step) => 0.1 * (1 - (probabilities[step] ?? 1)));
      return () => ctcDecode({ classes, probabilities, spaces }, characters);
    },
  },
  'reading order of a page': {
    unit: 'line',
    unitsPerCall: 120,
    calls: 400,
    prepare: () => {
      const lines = drawLines(40, 3);
      return () => inReadingOrder(lines, (line) => line);
    },
  },
} as const satisfies Readonly<Record<string, Kernel>>;

export type KernelName = keyof typeof kernels;

export const kernelNames = Object.keys(kernels) as KernelName[];

function cropKernel({ quad, calls }: { quad: Quad; calls: number }): Kernel {
  return {
    unit: 'pixel',
    unitsPerCall: lineWidth * lineHeight,
    calls,
    prepare: () => {
      const page = drawPage(700, 200);
      return () => cropLine(page, quad, lineWidth, lineHeight);
    },
  };
}

function planesKernel(width: number, height: number, tensorWidth: number): Kernel {
  return {
    unit: 'pixel',
    unitsPerCall: width * height,
    calls: Math.ceil(2_500_000 / (width * height)),
    prepare: () => {
      const image = drawPage(width, height);
      const target = new Float32Array(3 * height * tensorWidth);
      const normalization = width === tensorWidth ? imageNet : symmetric;
      return () => writePlanes(image, normalization, target, { item: 0, height, width: tensorWidth });
    },
  };
}
