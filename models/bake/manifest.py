"""Writes manifest.json, which tells the services what to load and what bytes to expect."""

import json

LINE_WIDTH = 120


def format_json(value: object, indent: int = 0, lead: int = 0) -> str:
    """JSON as this project's formatter lays it out, so that a bake leaves nothing to reformat.

    Objects take a line per key; arrays of plain values stay on one line where they fit. `lead` is the width of what
    stands before the value on its line.
    """
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        entries = (
            f"{inner}{json.dumps(key)}: {format_json(item, indent + 2, indent + 5 + len(key))}"
            for key, item in value.items()
        )
        return "{\n" + ",\n".join(entries) + "\n" + " " * indent + "}"
    if isinstance(value, list):
        one_line = json.dumps(value, ensure_ascii=False)
        if not any(isinstance(item, dict | list) for item in value) and lead + len(one_line) + 2 <= LINE_WIDTH:
            return one_line
        entries = (inner + format_json(item, indent + 2) for item in value)
        return "[\n" + ",\n".join(entries) + "\n" + " " * indent + "]"
    return json.dumps(value, ensure_ascii=False)
