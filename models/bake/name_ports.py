"""Gives inputs and outputs names that say what they are, where the exporters left `x` and `fetch_name_0`."""

from collections.abc import Sequence

import onnx
from onnx import TensorProto, helper

TYPES = {"float32": TensorProto.FLOAT, "int32": TensorProto.INT32}


def port(name: str, element_type: str, shape: Sequence[str | int]) -> dict:
    """As the manifest describes an input or output; a shape's strings are sizes that vary from call to call."""
    return {"name": name, "type": element_type, "shape": list(shape)}


def name_ports(model: onnx.ModelProto, input_port: dict, output_ports: list[dict]) -> None:
    graph = model.graph
    names = {graph.input[0].name: input_port["name"]}
    names.update(zip((value.name for value in graph.output), (p["name"] for p in output_ports), strict=True))
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    del graph.input[:]
    del graph.output[:]
    graph.input.append(_value_info(input_port))
    graph.output.extend(_value_info(p) for p in output_ports)


def _value_info(described: dict) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(described["name"], TYPES[described["type"]], described["shape"])
