"""How the bench talks to a peer: JSON objects, one a line.

The peer says {"ready": true} once its models are loaded. For each {"paths": [...]} on standard input it reads those
images one after the other and answers {"seconds": S, "latenciesMs": [...], "predictions": [{"file", "lines":
[{"text", "confidence", "box"}]}], "failures": [{"file", "reason"}]}; the times do not hold reading the files. An image
that it cannot read is among the failures, and in the seconds only. It ends when standard input is closed.
"""
import json
import os
import sys
import time
from pathlib import Path


def serve(load):
    """`load()` returns a function from an image's bytes to its lines."""
    # Whatever the libraries print must not end up among the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    read_image = load()
    _send(answers, {"ready": True})
    for request in sys.stdin:
        paths = [Path(path) for path in json.loads(request)["paths"]]
        images = [path.read_bytes() for path in paths]
        _send(answers, _read_all(paths, images, read_image))


def _read_all(paths, images, read_image):
    latencies, predictions, failures = [], [], []
    started = time.perf_counter()
    for path, image in zip(paths, images):
        began = time.perf_counter()
        try:
            lines = read_image(image)
        except Exception as error:  # Libraries raise what they like at damaged images.
            failures.append({"file": path.name, "reason": f"{type(error).__name__}: {error}"})
            continue
        latencies.append((time.perf_counter() - began) * 1000)
        predictions.append({"file": path.name, "lines": lines})
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "latenciesMs": latencies, "predictions": predictions, "failures": failures}


def _send(stream, message):
    stream.write(json.dumps(message) + "\n")
    stream.flush()
