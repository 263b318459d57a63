"""Lets the heavy parts of a network compute in 8 bits: activations unsigned, weights signed with a scale per channel.

Each product takes 8-bit numbers and gives float32, and the range of its input is found anew in each run, from that input
alone. So there is nothing to calibrate, nothing is clipped, and only what goes into a product is ever rounded. 8-bit
convolutions with measured ranges, which also round what comes out, are as fast and half as exact again (README.md).
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fuse_nodes import RUNTIME_DOMAIN, GraphIndex, fuse_bias, fuse_gelu

# -128 is left out, so that weights have no zero point.
LARGEST_WEIGHT = 127


def fuse_for_quantization(model: onnx.ModelProto) -> None:
    """Brings the graph into the form that the functions below expect; it computes the same."""
    if fuse_gelu(model.graph) > 0:
        model.opset_import.append(helper.make_opsetid(RUNTIME_DOMAIN, 1))
    fuse_bias(model.graph)


def quantize_blocks(graph: onnx.GraphProto) -> int:
    """Quantizes the pairs of pointwise convolutions with a GELU between them; returns how many pairs.

    They do most of a network's work and bear it well; stems, depthwise convolutions, squeeze-excite and attention lose
    accuracy and save next to nothing. A pointwise convolution is a product of matrices once channels come last.
    """
    index = GraphIndex(graph)
    writer = _Writer(graph)
    nodes = list(graph.node)
    del graph.node[:]
    blocks = {id(contract): (expand, gelu, contract) for expand, gelu, contract in _find_blocks(nodes, index)}
    taken = {id(node) for expand, gelu, _ in blocks.values() for node in (expand, gelu)}
    for node in nodes:
        if id(node) in blocks:
            writer.block(index, *blocks[id(node)])
        elif id(node) not in taken:
            graph.node.append(node)
    writer.drop_unused()
    return len(blocks)


def quantize_projection(graph: onnx.GraphProto) -> None:
    """Quantizes the product with which a recognizer scores its classes.

    Half of a recognizer's weights are here: as float32 they do not fit a core's cache, and reading them takes longer
    than computing with them.
    """
    index = GraphIndex(graph)
    softmax = [node for node in graph.node if node.op_type == "Softmax"][-1]
    add = index.maker[softmax.input[0]]
    product = index.maker[add.input[0]]
    source, weights = product.input
    writer = _Writer(graph)
    nodes = [node for node in graph.node if node is not add]
    del graph.node[:]
    for node in nodes:
        if node is product:
            rounded = writer.rounded(source)
            writer.product(rounded[0], rounded, weights, index.constants[weights], add.input[1], add.output[0])
        else:
            graph.node.append(node)
    writer.drop_unused()


Block = tuple[onnx.NodeProto, onnx.NodeProto, onnx.NodeProto]


def _find_blocks(nodes: list[onnx.NodeProto], index: GraphIndex) -> list[Block]:
    blocks = []
    for gelu in nodes:
        if gelu.op_type != "Gelu":
            continue
        expand = index.maker[gelu.input[0]]
        contract = index.only_user(gelu.output[0], "Conv")
        if contract is not None and _is_pointwise(expand, index) and _is_pointwise(contract, index):
            blocks.append((expand, gelu, contract))
    return blocks


def _is_pointwise(node: onnx.NodeProto, index: GraphIndex) -> bool:
    return node.op_type == "Conv" and len(node.input) == 3 and index.constants[node.input[1]].shape[2:] == (1, 1)


class _Writer:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph

    def block(self, index: GraphIndex, expand: onnx.NodeProto, gelu: onnx.NodeProto, contract: onnx.NodeProto) -> None:
        source, result = expand.input[0], contract.output[0]
        rounded = self.rounded(source)
        # Transposed as 8-bit numbers: a quarter of the bytes.
        self._node("Transpose", [rounded[0]], [f"{source}.channelsLast"], perm=[0, 2, 3, 1])
        self._convolution(index, expand, f"{source}.channelsLast", rounded, gelu.input[0])
        self._graph.node.append(gelu)
        rounded = self.rounded(gelu.output[0])
        self._convolution(index, contract, rounded[0], rounded, f"{result}.channelsLast")
        self._node("Transpose", [f"{result}.channelsLast"], [result], perm=[0, 3, 1, 2])

    def rounded(self, source: str) -> list[str]:
        """Adds what rounds `source` to 8 bits; returns the names of the numbers, their scale and their zero point."""
        names = [f"{source}.8", f"{source}.scale", f"{source}.zero"]
        self._node("DynamicQuantizeLinear", [source], names)
        return names

    def product(self, numbers: str, rounded: list[str], weights: str, values: np.ndarray, bias: str, result: str) -> None:
        """`numbers` is [..., in], `values` [in, out]."""
        largest = np.abs(values).max(axis=0)
        scales = np.where(largest > 0, largest / LARGEST_WEIGHT, 1).astype(np.float32)
        quantized = np.clip(np.round(values / scales), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)
        weights_8 = self._constant(f"{weights}.8", quantized)
        weight_scales = self._constant(f"{weights}.scale", scales)
        weight_zeros = self._constant(f"{weights}.zero", np.zeros(len(scales), np.int8))
        operands = [numbers, weights_8, rounded[1], weight_scales, rounded[2], weight_zeros, bias]
        self._node("MatMulIntegerToFloat", operands, [result], domain=RUNTIME_DOMAIN)

    def drop_unused(self) -> None:
        used = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _convolution(self, index: GraphIndex, node: onnx.NodeProto, numbers: str, rounded: list[str], result: str) -> None:
        _, weights, bias = node.input
        values = np.ascontiguousarray(index.constants[weights][:, :, 0, 0].T)
        self.product(numbers, rounded, weights, values, bias, result)

    def _node(self, op_type: str, inputs: list[str], outputs: list[str], **attributes: object) -> None:
        self._graph.node.append(helper.make_node(op_type, inputs, outputs, **attributes))

    def _constant(self, name: str, values: np.ndarray) -> str:
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name
