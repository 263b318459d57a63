#!/usr/bin/env bash
# Makes models/*.onnx, the dictionaries, the licences and manifest.json from published packages.
# `bake.sh` writes them; `bake.sh --check` bakes into a temporary folder and compares it with what is committed.
set -euo pipefail
cd "$(dirname "$0")"

if [ ! -x .venv/bin/pip ]; then
  "${PYTHON:-python3}" -m venv .venv
fi
.venv/bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt
export PYTHONDONTWRITEBYTECODE=1
exec .venv/bin/python bake.py "$@"
