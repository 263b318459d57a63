"""How the bench talks to a peer: JSON objects, one a line.

The peer says {"ready": true} once its models are loaded. For each {"paths": [...]} on standard input it reads those
images and answers {"seconds": S, "predictions": [{"file", "lines": [{"text", "confidence", "box"}]}]}; the seconds
do not hold reading the files. It ends when standard input is closed.
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
        started = time.perf_counter()
        pages = [read_image(image) for image in images]
        seconds = time.perf_counter() - started
        predictions = [{"file": path.name, "lines": lines} for path, lines in zip(paths, pages)]
        _send(answers, {"seconds": seconds, "predictions": predictions})


def _send(stream, message):
    stream.write(json.dumps(message) + "\n")
    stream.flush()
