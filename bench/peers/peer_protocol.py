"""How the bench talks to a peer: JSON objects, one a line.

The peer says {"ready": true} once its models are loaded. For each {"paths": [...]} on standard input it reads those
images one after the other and answers {"seconds": S, "latenciesMs": [...], "predictions": [{"file", "lines":
[{"text", "confidence", "box"}]}]}; the times do not hold reading the files. It ends when standard input is closed.
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
        pages, ends = [], [time.perf_counter()]
        for image in images:
            pages.append(read_image(image))
            ends.append(time.perf_counter())
        latencies = [(end - start) * 1000 for start, end in zip(ends, ends[1:])]
        predictions = [{"file": path.name, "lines": lines} for path, lines in zip(paths, pages)]
        _send(answers, {"seconds": ends[-1] - ends[0], "latenciesMs": latencies, "predictions": predictions})


def _send(stream, message):
    stream.write(json.dumps(message) + "\n")
    stream.flush()
