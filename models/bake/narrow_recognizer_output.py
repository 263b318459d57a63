"""Lets a recognizer answer with the best class of each step only.

A line of 40 steps has 40 x 18,710 class scores: 3 MB that would be copied out of the session and searched in
JavaScript, for 40 numbers that greedy CTC decoding uses.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def narrow_recognizer_output(model: onnx.ModelProto) -> None:
    """Replaces the output [N, T, classes] by `index` (int32 [N, T]) and `probability` (float32 [N, T])."""
    graph = model.graph
    softmax = graph.node[-1]
    if softmax.op_type != "Softmax":
        raise SystemExit(f"the last node is {softmax.op_type}, not the Softmax over the classes")
    # TopK with k = 1 finds value and place in one pass; ArgMax with ReduceMax, and forms without Softmax
    # (1 / sum(exp(x - max))), took as long or longer and were not exact (README.md).
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "topCount"))
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "classAxis"))
    graph.node.extend(
        [
            helper.make_node("TopK", [softmax.output[0], "topCount"], ["topProbability", "topIndex"], axis=2),
            helper.make_node("Squeeze", ["topProbability", "classAxis"], ["probability"]),
            helper.make_node("Cast", ["topIndex"], ["topIndex32"], to=TensorProto.INT32),
            helper.make_node("Squeeze", ["topIndex32", "classAxis"], ["index"]),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("index", TensorProto.INT32, ["N", "T"]))
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", "T"]))
