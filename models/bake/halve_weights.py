"""Stores large weights in half the bytes."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

# Below this a Cast node weighs about as much as it saves, and the small tensors (biases, normalization) are the sensitive ones.
SMALLEST_ELEMENTS = 1024


def halve_weights(model: onnx.ModelProto) -> int:
    """Turns float32 weights into float16 with a Cast back; returns how many.

    ONNX Runtime folds the Cast when it loads the model, so the session computes in float32 as before.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < SMALLEST_ELEMENTS:
            continue
        values = numpy_helper.to_array(tensor)
        # The scales of 8-bit weights are small, and as float16 would lose bits that every product with them needs.
        if np.abs(values).max() >= np.finfo(np.float16).max or tensor.name.endswith(".scale"):
            continue
        half = numpy_helper.from_array(values.astype(np.float16), f"{tensor.name}.half")
        casts.append(helper.make_node("Cast", [half.name], [tensor.name], to=TensorProto.FLOAT))
        tensor.CopyFrom(half)
    nodes = list(graph.node)
    del graph.node[:]
    graph.node.extend(casts + nodes)
    return len(casts)
