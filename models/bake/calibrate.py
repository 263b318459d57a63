"""Measures between which values the activations lie, for the networks that compute in 8 bits.

The outcome is kept in activation-ranges.json: arithmetic differs in the last bits from processor to processor, and the
bake has to give the same bytes everywhere.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from manifest import format_json
from quantize_graph import Range

RANGES_FILE = Path(__file__).parent / "activation-ranges.json"

CALIBRATION_SEED = 1
CALIBRATION_LINES = 300

# As a share of the range's width; far more than processors differ, far less than a step of 8 bits.
TOLERANCE = 1e-3

Ranges = dict[str, Range]


def measure_ranges(model: onnx.ModelProto, names: Sequence[str], inputs: Iterable[np.ndarray]) -> Ranges:
    """The least and the largest value of each activation over all inputs, or 0 where that lies beyond."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    del watched.graph.output[:]
    watched.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = open_session(watched.SerializeToString())
    bounds = np.zeros((len(names), 2), np.float32)
    for image in inputs:
        for row, values in zip(bounds, session.run(names, {"image": image}), strict=True):
            row[:] = min(row[0], values.min()), max(row[1], values.max())
    return {name: Range(float(low), float(high)) for name, (low, high) in zip(names, bounds.round(5), strict=True)}


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def read_ranges(part: str) -> Ranges:
    ranges = json.loads(RANGES_FILE.read_text())[part]
    return {name: Range(*bounds) for name, bounds in ranges.items()}


def write_ranges(parts: dict[str, Ranges]) -> None:
    rows = {
        part: {name: [round(bounds.minimum, 5), round(bounds.maximum, 5)] for name, bounds in ranges.items()}
        for part, ranges in parts.items()
    }
    RANGES_FILE.write_text(format_json(rows) + "\n")


def differing(part: str, measured: Ranges) -> list[str]:
    """The activations whose measured range is not the kept one."""
    kept = read_ranges(part)
    if kept.keys() != measured.keys():
        return sorted(kept.keys() ^ measured.keys())
    return [name for name, bounds in measured.items() if not _alike(bounds, kept[name])]


def _alike(one: Range, other: Range) -> bool:
    allowed = TOLERANCE * (other.maximum - other.minimum)
    return abs(one.minimum - other.minimum) <= allowed and abs(one.maximum - other.maximum) <= allowed
