"""Writes as one node what the exporters spelled out in several.

ONNX Runtime finds most of these patterns itself when it loads a graph, but no more once quantization has put nodes
between their parts.
"""

import math
from collections import defaultdict

import numpy as np
import onnx
from onnx import helper, numpy_helper

# The domain of ONNX Runtime's own operators; its Gelu is x / 2 * (1 + erf(x / sqrt 2)), as is ONNX's from opset 20 on.
RUNTIME_DOMAIN = "com.microsoft"


class GraphIndex:
    """Who makes and who uses a value, and the constants."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        self.maker = {name: node for node in graph.node for name in node.output}
        self.users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.users[name].append(node)

    def only_user(self, name: str, op_type: str) -> onnx.NodeProto | None:
        users = self.users[name]
        return users[0] if len(users) == 1 and users[0].op_type == op_type else None


def fuse_gelu(graph: onnx.GraphProto) -> int:
    """Replaces x * (1 + erf(x / sqrt 2)) / 2; returns how many."""
    index = GraphIndex(graph)
    fused: dict[int, onnx.NodeProto] = {}
    dead: set[int] = set()
    for erf in graph.node:
        if erf.op_type != "Erf":
            continue
        division = index.maker[erf.input[0]]
        source = division.input[0]
        plus_one = index.only_user(erf.output[0], "Add")
        product = index.only_user(plus_one.output[0], "Mul")
        half = index.only_user(product.output[0], "Mul")
        _expect(index.constants[division.input[1]], math.sqrt(2))
        _expect(index.constants[plus_one.input[1]], 1)
        _expect(index.constants[half.input[1]], 0.5)
        if source not in product.input:
            raise SystemExit(f"{erf.output[0]} is not part of a GELU")
        dead |= {id(node) for node in (division, erf, plus_one, product, half)}
        fused[id(half)] = helper.make_node("Gelu", [source], [half.output[0]], domain=RUNTIME_DOMAIN)
    _replace(graph, fused, dead)
    return len(fused)


def fuse_bias(graph: onnx.GraphProto) -> int:
    """Moves what is added to each channel of a convolution's output into the convolution; returns how many."""
    index = GraphIndex(graph)
    dead: set[int] = set()
    for conv in graph.node:
        add = index.only_user(conv.output[0], "Add") if conv.op_type == "Conv" and len(conv.input) == 2 else None
        if add is None or add.input[0] != conv.output[0] or add.input[1] not in index.constants:
            continue
        bias = index.constants[add.input[1]]
        name = f"{add.output[0]}.bias"
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(bias.reshape(-1)), name))
        conv.input.append(name)
        conv.output[0] = add.output[0]
        dead.add(id(add))
    _replace(graph, {}, dead)
    return len(dead)


def _expect(found: np.ndarray, expected: float) -> None:
    if not np.isclose(float(found), expected, rtol=1e-5):
        raise SystemExit(f"{found} stands where {expected} belongs: not a GELU")


def _replace(graph: onnx.GraphProto, fused: dict[int, onnx.NodeProto], dead: set[int]) -> None:
    nodes = [fused.get(id(node)) or node for node in graph.node if id(node) in fused or id(node) not in dead]
    used = {name for node in nodes for name in node.input} | {output.name for output in graph.output}
    constants = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
