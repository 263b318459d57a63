"""Lets the heavy parts of a network compute in 8 bits: activations unsigned, weights signed with a scale per channel.

Which parts is a matter of measurement (README.md): the pointwise convolutions around each GELU do most of the work and
bear it well; stems, depthwise convolutions, squeeze-excite and attention lose accuracy and save next to nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fuse_nodes import RUNTIME_DOMAIN, GraphIndex, fuse_bias, fuse_gelu

# GELU of anything below is closer to 0 than 1.3e-4: a range that ends here leaves more of the 255 steps for the rest.
LOWEST_BEFORE_GELU = -4.0

# -128 is left out, so that the range is symmetric and the products of two neighbors fit 16 bits on older processors.
LARGEST_WEIGHT = 127


@dataclass(frozen=True)
class Range:
    """What values an activation takes, as measured; holds 0."""

    minimum: float
    maximum: float

    @property
    def scale(self) -> np.float32:
        return np.float32((self.maximum - self.minimum) / 255)

    @property
    def zero_point(self) -> np.uint8:
        return np.uint8(np.clip(np.round(-self.minimum / float(self.scale)), 0, 255))


def fuse_for_quantization(model: onnx.ModelProto) -> None:
    """Brings the graph into the form that the functions below expect; it computes the same."""
    if fuse_gelu(model.graph) > 0:
        model.opset_import.append(helper.make_opsetid(RUNTIME_DOMAIN, 1))
    fuse_bias(model.graph)


def convolutions_around_gelus(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The pointwise convolutions whose output goes into a GELU or whose input comes from one."""
    index = GraphIndex(graph)
    found = []
    for conv in graph.node:
        if conv.op_type != "Conv" or index.constants[conv.input[1]].shape[2:] != (1, 1):
            continue
        maker = index.maker.get(conv.input[0])
        follows = maker is not None and maker.op_type == "Gelu"
        if follows or index.only_user(conv.output[0], "Gelu") is not None:
            found.append(conv)
    return found


def activations_to_measure(graph: onnx.GraphProto) -> list[str]:
    convolutions = convolutions_around_gelus(graph)
    return sorted({name for conv in convolutions for name in (conv.input[0], conv.output[0])})


def quantize_convolutions(graph: onnx.GraphProto, ranges: Mapping[str, Range]) -> int:
    """Quantizes the convolutions around GELUs; returns how many.

    They stay float convolutions between QuantizeLinear and DequantizeLinear nodes, which is how ONNX Runtime wants to be
    told: it makes one 8-bit convolution of each such group.
    """
    index = GraphIndex(graph)
    chosen = {conv.output[0] for conv in convolutions_around_gelus(graph)}
    writer = _Writer(graph)
    rounded: dict[str, str] = {}
    nodes = list(graph.node)
    del graph.node[:]
    for node in nodes:
        if node.op_type != "Conv" or node.output[0] not in chosen:
            graph.node.append(node)
            continue
        source, weights, bias = node.input
        if source not in rounded:
            rounded[source] = writer.rounded(source, ranges[source], f"{source}.rounded")
        name = node.output[0]
        before_gelu = index.only_user(name, "Gelu") is not None
        result = Range(max(ranges[name].minimum, LOWEST_BEFORE_GELU), ranges[name].maximum) if before_gelu else ranges[name]
        weights_8, weight_scales = writer.weights(weights, index.constants[weights])
        bias_32 = writer.bias(bias, index.constants[bias], weight_scales * ranges[source].scale)
        node.input[:] = [rounded[source], weights_8, bias_32]
        node.output[0] = f"{name}.exact"
        graph.node.append(node)
        writer.rounded(node.output[0], result, name)
    writer.drop_unused()
    return len(chosen)


def quantize_projection(graph: onnx.GraphProto) -> set[str]:
    """Quantizes the product with which a recognizer scores its classes; returns the constants that need all their bits.

    Half of a recognizer's weights are here: as float32 they do not fit a core's cache, and reading them takes longer
    than computing with them. The range of its input is that of each line, since it costs next to nothing to find here.
    """
    index = GraphIndex(graph)
    softmax = [node for node in graph.node if node.op_type == "Softmax"][-1]
    add = index.maker[softmax.input[0]]
    product = index.maker[add.input[0]]
    source, weights = product.input
    bias = add.input[1]
    values = index.constants[weights]
    scales = _scales(np.abs(values).max(axis=0))
    constants = {
        f"{weights}.8": _to_8_bits(values, scales[None, :]),
        f"{weights}.scale": scales,
        f"{weights}.zero": np.zeros(len(scales), np.int8),
    }
    graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in constants.items())
    weights_8, weight_scales, weight_zeros = constants
    parts = [f"{source}.8", f"{source}.scale", f"{source}.zero"]
    operands = [parts[0], weights_8, parts[1], weight_scales, parts[2], weight_zeros, bias]
    nodes = [node for node in graph.node if node is not add]
    del graph.node[:]
    for node in nodes:
        if node is product:
            graph.node.append(helper.make_node("DynamicQuantizeLinear", [source], parts))
            graph.node.append(helper.make_node("MatMulIntegerToFloat", operands, [add.output[0]], domain=RUNTIME_DOMAIN))
        else:
            graph.node.append(node)
    _Writer(graph).drop_unused()
    return {weight_scales}


class _Writer:
    def __init__(self, graph: onnx.GraphProto) -> None:
        self._graph = graph

    def rounded(self, source: str, measured: Range, result: str) -> str:
        """Adds nodes that round `source` to 8 bits, as `result`; values beyond the range become its ends."""
        scale = self._constant(f"{source}.scale", np.array(measured.scale))
        zero = self._constant(f"{source}.zero", np.array(measured.zero_point))
        self._graph.node.append(helper.make_node("QuantizeLinear", [source, scale, zero], [f"{source}.8"]))
        self._graph.node.append(helper.make_node("DequantizeLinear", [f"{source}.8", scale, zero], [result]))
        return result

    def weights(self, name: str, values: np.ndarray) -> tuple[str, np.ndarray]:
        """`values` is [out, in, 1, 1]; one scale for each `out`."""
        scales = _scales(np.abs(values).max(axis=(1, 2, 3)))
        quantized = _to_8_bits(values, scales[:, None, None, None])
        return self._dequantized(name, quantized, scales, np.zeros(len(scales), np.int8)), scales

    def bias(self, name: str, values: np.ndarray, scales: np.ndarray) -> str:
        quantized = np.round(values.astype(np.float64) / scales).astype(np.int32)
        return self._dequantized(name, quantized, scales, np.zeros(len(scales), np.int32))

    def drop_unused(self) -> None:
        used = {name for node in self._graph.node for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        del self._graph.initializer[:]
        self._graph.initializer.extend(kept)

    def _dequantized(self, name: str, values: np.ndarray, scales: np.ndarray, zeros: np.ndarray) -> str:
        constants = [
            self._constant(f"{name}.int", values),
            self._constant(f"{name}.scale", scales),
            self._constant(f"{name}.zero", zeros),
        ]
        self._graph.node.append(helper.make_node("DequantizeLinear", constants, [f"{name}.float"], axis=0))
        return f"{name}.float"

    def _constant(self, name: str, values: np.ndarray) -> str:
        self._graph.initializer.append(numpy_helper.from_array(values, name))
        return name


def _scales(largest: np.ndarray) -> np.ndarray:
    return np.where(largest > 0, largest / LARGEST_WEIGHT, 1).astype(np.float32)


def _to_8_bits(values: np.ndarray, scales: np.ndarray) -> np.ndarray:
    return np.clip(np.round(values / scales), -LARGEST_WEIGHT, LARGEST_WEIGHT).astype(np.int8)
