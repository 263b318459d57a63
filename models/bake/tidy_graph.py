"""Removes what a model carries but does not need at run time."""

import onnx
from onnx import version_converter

OPSET = 17


def tidy_graph(model: onnx.ModelProto) -> onnx.ModelProto:
    """Returns an equal model in opset 17 without Identity and Constant nodes, notes, and dead or unnamed parts."""
    # One opset for all files: the same operators mean the same (Softmax changed at 13), and later tools (int8) want >= 13.
    model = version_converter.convert_version(model, OPSET)
    graph = model.graph
    _drop_identities(graph)
    _constants_to_initializers(graph)
    _drop_unused_initializers(graph)
    # Shapes inside the graph are re-inferred at load, and the exporters' guesses of them are stale after every change here.
    del graph.value_info[:]
    del model.metadata_props[:]
    model.doc_string = graph.doc_string = ""
    for node in graph.node:
        node.doc_string = ""
        node.name = ""
    return model


def _drop_identities(graph: onnx.GraphProto) -> None:
    outputs = {value.name for value in graph.output}
    renamed: dict[str, str] = {}
    kept = []
    for node in graph.node:
        node.input[:] = [renamed.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.output[0] not in outputs:
            renamed[node.output[0]] = node.input[0]
        else:
            kept.append(node)
    del graph.node[:]
    graph.node.extend(kept)


def _constants_to_initializers(graph: onnx.GraphProto) -> None:
    kept = []
    for node in graph.node:
        if node.op_type != "Constant":
            kept.append(node)
            continue
        tensor = onnx.TensorProto()
        tensor.CopyFrom(onnx.helper.get_node_attr_value(node, "value"))
        tensor.name = node.output[0]
        graph.initializer.append(tensor)
    del graph.node[:]
    graph.node.extend(kept)


def _drop_unused_initializers(graph: onnx.GraphProto) -> None:
    used = {name for node in graph.node for name in node.input} | {value.name for value in graph.output}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
