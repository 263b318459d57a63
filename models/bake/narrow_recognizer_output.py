"""Lets a recognizer answer with the best class of each step, and with how likely a space is there.

A line of 40 steps has 40 x 18,710 class scores: 3 MB that would be copied out of the session and searched in
JavaScript, for the 80 numbers that decoding uses.
"""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def narrow_recognizer_output(model: onnx.ModelProto) -> None:
    """Replaces the output [N, T, classes] by `index` (int32 [N, T]), `probability` and `space` (float32 [N, T])."""
    graph = model.graph
    softmax = graph.node[-1]
    if softmax.op_type != "Softmax":
        raise SystemExit(f"the last node is {softmax.op_type}, not the Softmax over the classes")
    # TopK with k = 1 finds value and place in one pass; ArgMax with ReduceMax, and forms without Softmax
    # (1 / sum(exp(x - max))), took as long or longer and were not exact (README.md).
    graph.initializer.append(numpy_helper.from_array(np.array([1], np.int64), "topCount"))
    graph.initializer.append(numpy_helper.from_array(np.array([2], np.int64), "classAxis"))
    # The last class is the space.
    graph.initializer.append(numpy_helper.from_array(np.array(-1, np.int64), "spaceClass"))
    graph.node.extend(
        [
            helper.make_node("TopK", [softmax.output[0], "topCount"], ["topProbability", "topIndex"], axis=2),
            helper.make_node("Squeeze", ["topProbability", "classAxis"], ["probability"]),
            helper.make_node("Cast", ["topIndex"], ["topIndex32"], to=TensorProto.INT32),
            helper.make_node("Squeeze", ["topIndex32", "classAxis"], ["index"]),
            helper.make_node("Gather", [softmax.output[0], "spaceClass"], ["space"], axis=2),
        ]
    )
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("index", TensorProto.INT32, ["N", "T"]))
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", "T"]))
    graph.output.append(helper.make_tensor_value_info("space", TensorProto.FLOAT, ["N", "T"]))
