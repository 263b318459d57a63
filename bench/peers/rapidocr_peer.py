"""RapidOCR on ONNX Runtime, with the models that it brings along. Arguments: model (ignored), threads."""
import logging
import sys

from peer_protocol import serve


def load():
    from rapidocr import RapidOCR

    logging.disable(logging.CRITICAL)
    engine = RapidOCR(params={"EngineConfig.onnxruntime.intra_op_num_threads": int(sys.argv[2])})

    def read_image(image):
        page = engine(image)
        if page.txts is None:
            return []
        found = zip(page.txts, page.scores, page.boxes)
        return [{"text": text, "confidence": float(score), "box": box.tolist()} for text, score, box in found]

    return read_image


if __name__ == "__main__":
    serve(load)
