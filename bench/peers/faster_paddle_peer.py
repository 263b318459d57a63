"""faster-paddle. Arguments: model (small or tiny), threads."""
import sys

from peer_protocol import serve


def load():
    from faster_paddle import OcrEngine

    model, threads = sys.argv[1], int(sys.argv[2])
    engine = OcrEngine(model_size=model, threads=threads)

    def read_image(image):
        return [to_line(bound) for bound in engine.ocr(image)["bounds"].values()]

    return read_image


def to_line(bound):
    left, top = bound["topLeftCoord"]
    right, bottom = bound["bottomRightCoord"]
    box = [[left, top], [right, top], [right, bottom], [left, bottom]]
    return {"text": bound["text"], "confidence": bound["confidence"], "box": box}


if __name__ == "__main__":
    serve(load)
