"""The characters that a recognizer's classes stand for."""

import onnx

# CTC: class 0 is "nothing here", the last class is a space; the dictionary lies between them.
CLASSES_BESIDE_THE_DICTIONARY = 2


def characters_from_metadata(model: onnx.ModelProto) -> list[str]:
    text = next(entry.value for entry in model.metadata_props if entry.key == "character")
    return text.split("\n")


def characters_from_file(data: bytes) -> list[str]:
    # Only "\n" and "\r\n" end a line: str.splitlines would also split at characters that are entries themselves.
    return data.decode("utf-8").replace("\r\n", "\n").removesuffix("\n").split("\n")


def dictionary_file(characters: list[str], classes: int) -> bytes:
    """One character a line, in class order from class 1 on."""
    if len(characters) + CLASSES_BESIDE_THE_DICTIONARY != classes:
        raise SystemExit(f"{len(characters)} characters do not fit {classes} classes")
    if any(len(character) != 1 for character in characters) or len(set(characters)) != len(characters):
        raise SystemExit("the dictionary has an entry that is not one character, or one twice")
    return "".join(f"{character}\n" for character in characters).encode("utf-8")
