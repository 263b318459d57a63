"""Measures what 8 bits change on drawn lines, and writes REPORT.md. Not part of the bake: its times are this machine's.

    .venv/bin/python report_int8.py
"""

import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from bake import CACHE, MODELS_FOLDER, named_graph, read_source
from drawn_lines import DrawnLine, draw_lines, recognizer_input
from parts import PARTS, Part
from quantize_graph import fuse_for_quantization

LINES = 120
SEED = 2
LINES_FOR_LAYERS = 24
TIMED_RUNS = 20

# A line's classes without repetitions and blanks, and the mean of their probabilities.
Reading = tuple[list[int], float]


def main() -> None:
    lines = draw_lines(LINES, SEED, CACHE)
    parts = [part for part in PARTS if part.int8]
    sections = [report_part(part, lines) for part in parts]
    head = [
        "# What 8 bits change",
        "",
        f"Written by `report_int8.py`: {LINES} drawn lines (`drawn_lines.py`, seed {SEED}), ONNX Runtime {onnxruntime.__version__}, one thread.",
        "Lines are counted as right when every letter is, spaces left out: many of the drawn ones cannot be read by anybody.",
    ]
    (Path(__file__).parent / "REPORT.md").write_text("\n".join(head + [line for section in sections for line in section]) + "\n")


def report_part(part: Part, lines: list[DrawnLine]) -> list[str]:
    float32 = (MODELS_FOLDER / f"{part.name}.onnx").read_bytes()
    int8 = (MODELS_FOLDER / f"{part.name}.int8.onnx").read_bytes()
    sessions = open_session(float32), open_session(int8)
    characters = ["", *(MODELS_FOLDER / f"{part.name}.dictionary.txt").read_text("utf-8").split("\n")[:-1], " "]
    inputs = [recognizer_input(line) for line in lines]
    readings = [[read_line(session, image) for image in inputs] for session in sessions]
    same = sum(one[0] == other[0] for one, other in zip(*readings, strict=True))
    difference = np.mean([abs(one[1] - other[1]) for one, other in zip(*readings, strict=True)])
    right = [sum(is_right(reading, line, characters) for reading, line in zip(read, lines, strict=True)) for read in readings]
    spent = [f"{1000 * seconds:.1f} ms" for seconds in time_both(sessions)]
    return [
        "",
        f"## {part.name}",
        "",
        "| | float32 | 8 bits |",
        "| --- | --- | --- |",
        f"| lines read right | {right[0]} | {right[1]} |",
        f"| lines read the same | | {same} |",
        f"| mean difference of confidence | | {difference:.4f} |",
        f"| processor time of 48 × 320 pixels | {spent[0]} | {spent[1]} |",
        f"| bytes | {len(float32):,} | {len(int8):,} |",
        "",
        "| block | relative error of its output |",
        "| --- | --- |",
        *(f"| {number} | {error:.4f} |" for number, error in enumerate(layer_errors(part, int8, inputs[:LINES_FOR_LAYERS]), 1)),
    ]


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def read_line(session: onnxruntime.InferenceSession, image: np.ndarray) -> Reading:
    (classes,), (probabilities,) = session.run(["index", "probability"], {"image": image})
    kept = [at for at, one in enumerate(classes) if one != 0 and (at == 0 or one != classes[at - 1])]
    return [int(classes[at]) for at in kept], float(np.mean(probabilities[kept])) if kept else 0.0


def is_right(reading: Reading, line: DrawnLine, characters: list[str]) -> bool:
    text = "".join(characters[one] for one in reading[0])
    return text.replace(" ", "") == line.text.replace(" ", "")


def time_both(sessions: tuple[onnxruntime.InferenceSession, onnxruntime.InferenceSession]) -> list[float]:
    """Median processor time of a run, in seconds, in turns."""
    image = np.random.default_rng(SEED).uniform(-1, 1, (1, 3, 48, 320)).astype(np.float32)
    spent: list[list[float]] = [[], []]
    for _ in range(TIMED_RUNS):
        for session, times in zip(sessions, spent, strict=True):
            started = time.process_time()
            session.run(None, {"image": image})
            times.append(time.process_time() - started)
    return [float(np.median(times)) for times in spent]


def layer_errors(part: Part, int8: bytes, inputs: list[np.ndarray]) -> list[float]:
    """For each quantized block in order, what all the 8 bits before and in it change: error over signal, root mean squares."""
    float32, _ = named_graph(part, read_source(part))
    fuse_for_quantization(float32)
    eight = onnx.load_model_from_string(int8)
    names = [node.output[0] for node in eight.graph.node if node.op_type == "Transpose" and node.input[0].endswith(".channelsLast")]
    sums = np.zeros((2, len(names)))
    sessions = [open_session(_watched(model, names)) for model in (float32, eight)]
    for image in inputs:
        for at, (exact, rounded) in enumerate(zip(*(session.run(names, {"image": image}) for session in sessions), strict=True)):
            sums[:, at] += np.square(rounded - exact).sum(), np.square(exact).sum()
    return list(np.sqrt(sums[0] / sums[1]))


def _watched(model: onnx.ModelProto, names: list[str]) -> bytes:
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    return model.SerializeToString()


if __name__ == "__main__":
    main()
