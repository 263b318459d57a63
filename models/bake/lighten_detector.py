"""Lets a detector compute the same with fewer operations and less memory.

ONNX Runtime computes convolutions in blocks of up to 16 channels; tensors of other counts, and operators that do not
know blocks, cost a change of layout before and after. What is merged here is linear, so results differ by rounding only.
"""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from fuse_nodes import GraphIndex, fuse_bias

# Channels of a block with AVX-512; other processors take 8 or 4, which divide it.
BLOCK = 16


def lighten_detector(graph: onnx.GraphProto) -> list[str]:
    """Rewrites the graph; returns what was changed."""
    fuse_bias(graph)
    _split_stem(graph)
    _scale_once(graph)
    _fold_upsampling(graph)
    return [
        "adds biases inside of convolutions",
        "splits the stem's convolution of two concatenated maps",
        "scales the neck's maps once instead of adding their scaled copies",
        "convolves the neck's coarse maps before they are enlarged",
        "computes the transposed convolutions as pointwise ones, and puts their pixels in place at the end",
    ]


class _Builder:
    """Collects nodes and constants that stand in for others."""

    def __init__(self, graph: onnx.GraphProto, prefix: str) -> None:
        self.graph = graph
        self.prefix = prefix
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, values: np.ndarray) -> str:
        name = f"{self.prefix}.constant.{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def add(self, op_type: str, inputs: list[str], output: str | None = None, **attributes) -> str:
        output = output or f"{self.prefix}.{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs, [output], **attributes))
        return output

    def conv(self, source: str, weights: np.ndarray, bias: np.ndarray | None = None, *, pads: list[int], stride: int = 1) -> str:
        inputs = [source, self.constant(weights)] + ([] if bias is None else [self.constant(bias)])
        return self.add("Conv", inputs, kernel_shape=list(weights.shape[2:]), pads=pads, strides=[stride, stride])

    def replace(self, old: list[onnx.NodeProto]) -> None:
        """Puts the new nodes where the last of the old ones was, and drops those and what only they used."""
        # By what they make: a graph's nodes are copied when they move.
        dead = {node.output[0] for node in old}
        place = max(i for i, node in enumerate(self.graph.node) if node.output[0] in dead)
        nodes = [node for node in self.graph.node[:place] if node.output[0] not in dead]
        nodes += [*self.nodes, *self.graph.node[place + 1 :]]
        used = {name for node in nodes for name in node.input}
        constants = [tensor for tensor in self.graph.initializer if tensor.name in used]
        del self.graph.node[:], self.graph.initializer[:]
        self.graph.node.extend(nodes)
        self.graph.initializer.extend(constants)


def _padded(values: np.ndarray, outputs: int, inputs: int | None = None) -> np.ndarray:
    """Weights [O, I, ...] or a bias [O] with zeros for further output and input channels."""
    sizes = [outputs, *([] if inputs is None else [inputs])]
    more = [(0, size - now) for size, now in zip(sizes, values.shape, strict=False)]
    return np.pad(values, more + [(0, 0)] * (values.ndim - len(more)))


def _split_stem(graph: onnx.GraphProto) -> None:
    """Pool and convolution side by side, concatenated and convolved: Concat holds everything twice at the largest size.

    A convolution of concatenated maps is the sum of a convolution of each. Their channels are filled up to whole blocks,
    since a pool of a broken block is computed in another layout.
    """
    index = GraphIndex(graph)
    pool = next(node for node in graph.node if node.op_type == "MaxPool")
    concat = index.only_user(pool.output[0], "Concat")
    first_relu = index.maker[pool.input[0]]
    first = index.maker[first_relu.input[0]]
    second_relu = index.maker[concat.input[1]]
    second = index.maker[second_relu.input[0]]
    middle_relu = index.maker[second.input[0]]
    middle = index.maker[middle_relu.input[0]]
    last = index.only_user(concat.output[0], "Conv")
    if list(concat.input) != [pool.output[0], second_relu.output[0]] or middle.input[0] != pool.input[0]:
        raise SystemExit("the stem is not a pool and two convolutions side by side")
    # [channels, 3, 3, 3], [few, channels, 2, 2], [channels, few, 2, 2] and [outputs, 2 * channels, 3, 3].
    (first_w, first_b), (middle_w, middle_b), (second_w, second_b), (last_w, last_b) = (
        (index.constants[node.input[1]], index.constants[node.input[2]]) for node in (first, middle, second, last)
    )
    channels, few = first_w.shape[0], _whole_blocks(middle_w.shape[0])
    whole = _whole_blocks(channels)
    # auto_pad SAME_UPPER of 2 x 2 kernels.
    at_end = [0, 0, 1, 1]
    build = _Builder(graph, "stem")

    def activated(source: str, weights: np.ndarray, bias: np.ndarray, *, pads: list[int], stride: int = 1) -> str:
        return build.add("Relu", [build.conv(source, weights, bias, pads=pads, stride=stride)])

    wide = activated(first.input[0], _padded(first_w, whole, 3), _padded(first_b, whole), pads=[1] * 4, stride=2)
    pooled = build.add("MaxPool", [wide], kernel_shape=[2, 2], strides=[1, 1], pads=at_end)
    left, right = _padded(last_w[:, :channels], len(last_w), whole), _padded(last_w[:, channels:], len(last_w), whole)
    of_pooled = build.conv(pooled, left, last_b, pads=[1] * 4, stride=2)
    narrow = activated(wide, _padded(middle_w, few, whole), _padded(middle_b, few), pads=at_end)
    convolved = activated(narrow, _padded(second_w, whole, few), _padded(second_b, whole), pads=at_end)
    build.add("Add", [build.conv(convolved, right, pads=[1] * 4, stride=2), of_pooled], last.output[0])
    build.replace([first, first_relu, middle, middle_relu, second, second_relu, pool, concat, last])


def _whole_blocks(channels: int) -> int:
    return -(-channels // BLOCK) * BLOCK


def _scale_once(graph: onnx.GraphProto) -> None:
    """y + y * s becomes y * (1 + s), where s is one number per channel."""
    index = GraphIndex(graph)
    for add in list(graph.node):
        product = index.maker.get(add.input[-1]) if add.op_type == "Add" else None
        if product is None or product.op_type != "Mul" or product.input[0] != add.input[0]:
            continue
        gate = product.input[1]
        if index.maker[gate].op_type != "HardSigmoid":
            continue
        build = _Builder(graph, add.output[0])
        one_more = build.add("Add", [gate, build.constant(np.ones((1, 1, 1, 1), np.float32))])
        build.add("Mul", [add.input[0], one_more], add.output[0])
        build.replace([product, add])


def _fold_upsampling(graph: onnx.GraphProto) -> None:
    """The head: a convolution of four maps, three of them enlarged by repeating pixels, then two transposed ones.

    Each pixel of the finest map that has the same place in a cell of 2 x 2 sees the same 2 x 2 pixels of what was
    enlarged: four convolutions with smaller kernels, one per place, give what the one with 3 x 3 gives. A transposed
    convolution whose kernel is as large as its stride is a pointwise one whose outputs are the pixels of a cell. So all
    is computed in cells of 8 x 8 pixels of the page, and put in place at the end.
    """
    index = GraphIndex(graph)
    concat = next(node for node in graph.node if node.op_type == "Concat" and len(node.input) == 4)
    conv = index.only_user(concat.output[0], "Conv")
    chain = [conv]
    for op_type in ("Relu", "ConvTranspose", "Add", "Relu", "ConvTranspose", "Add", "Sigmoid"):
        chain.append(index.only_user(chain[-1].output[0], op_type))
    *coarse, fine = concat.input
    enlarge = [index.maker[name] for name in coarse]
    if [index.constants[node.input[2]].tolist() for node in enlarge] != [[1, 1, k, k] for k in (8, 4, 2)]:
        raise SystemExit("the neck's maps are not enlarged by 8, 4 and 2")
    weights, bias = index.constants[conv.input[1]], index.constants[conv.input[2]]
    each = weights.shape[1] // 4
    build = _Builder(graph, "head")
    maps = [_enlarged(build, enlarge[0], 4), _enlarged(build, enlarge[1], 2), enlarge[2].input[0]]
    cells = build.add("Concat", maps, axis=1)
    first, second = (index.constants[chain[i].input[1]] for i in (2, 5))
    # The bias of each place in a cell is the same.
    first_b, second_b = (index.constants[chain[i].input[1]].reshape(-1) for i in (3, 6))
    places = []
    for y in (0, 1):
        for x in (0, 1):
            near = build.conv(fine, weights[:, 3 * each :], bias, pads=[1 - y, 1 - x, y, x], stride=2)
            far = build.conv(cells, _folded(weights[:, : 3 * each], y, x), pads=[1 - y, 1 - x, y, x])
            joined = build.add("Relu", [build.add("Add", [far, near])])
            quarter = build.add("Relu", [build.conv(joined, _as_pointwise(first), np.tile(first_b, 4), pads=[0] * 4)])
            sixteenth = build.conv(quarter, _pixels(second), np.tile(second_b, 16), pads=[0] * 4)
            places.append(build.add("Sigmoid", [sixteenth]))
    grouped = build.add("Concat", places, axis=1)
    halves = build.add("DepthToSpace", [grouped], blocksize=2)
    build.add("DepthToSpace", [halves], chain[-1].output[0], blocksize=4)
    build.replace([*enlarge, concat, *chain])


def _enlarged(build: _Builder, resize: onnx.NodeProto, scale: int) -> str:
    scales = build.constant(np.array([1, 1, scale, scale], np.float32))
    attributes = {a.name: helper.get_attribute_value(a) for a in resize.attribute}
    return build.add("Resize", [resize.input[0], "", scales], **attributes)


def _folded(weights: np.ndarray, y: int, x: int) -> np.ndarray:
    """What 3 x 3 weights are to pixels of half the size: [O, I, 2, 2] for the place (y, x) in a cell of 2 x 2."""
    return _folded_axis(_folded_axis(weights, 2, y), 3, x)


def _folded_axis(weights: np.ndarray, axis: int, place: int) -> np.ndarray:
    a, b, c = np.split(weights, 3, axis)
    return np.concatenate([a, b + c] if place == 0 else [a + b, c], axis)


def _as_pointwise(weights: np.ndarray) -> np.ndarray:
    """Transposed weights [I, O, 2, 2] as pointwise ones [4 * O, I, 1, 1], the place in the cell (row, column) first."""
    inputs = weights.shape[0]
    return weights.transpose(2, 3, 1, 0).reshape(-1, inputs, 1, 1)


def _pixels(weights: np.ndarray) -> np.ndarray:
    """Transposed weights [I, 1, 2, 2] for each of 4 cells (row, column): [16, 4 * I, 1, 1], a pixel (row, column) each."""
    inputs = weights.shape[0]
    result = np.zeros((2, 2, 2, 2, 2, 2, inputs), np.float32)
    for row in (0, 1):
        for column in (0, 1):
            # Output pixel (2 * row + y, 2 * column + x) of cell (row, column).
            result[row, :, column, :, row, column] = weights[:, 0].transpose(1, 2, 0)
    return result.reshape(16, 4 * inputs, 1, 1)
