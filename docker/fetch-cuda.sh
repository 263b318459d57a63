#!/bin/sh
# fetch-cuda.sh VERSION FOLDER: puts what ONNX Runtime of that version needs to run on NVIDIA's GPUs into FOLDER/provider
# (its own libraries) and FOLDER/lib (NVIDIA's), out of PyPI's packages. Nothing is installed.
set -eu
version=$1 folder=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if [ -s /run/secrets/pip_conf ]; then export PIP_CONFIG_FILE=/run/secrets/pip_conf; fi
if [ -s /run/secrets/ca_certificates ]; then export PIP_CERT=/run/secrets/ca_certificates; fi

# The versions that onnxruntime-gpu asks for. What it computes with (cuBLAS) comes as a package of its own.
python3 -m pip download -q --no-deps --only-binary=:all: --no-cache-dir --dest "$work" "onnxruntime-gpu==$version" \
  'nvidia-cuda-runtime~=13.0' 'nvidia-cuda-nvrtc~=13.0' 'nvidia-cublas~=13.0' 'nvidia-cufft~=12.0' 'nvidia-curand~=10.0' \
  'nvidia-nvjitlink~=13.0' 'nvidia-cudnn-cu13~=9.0'

mkdir -p "$folder/provider" "$folder/lib"
for wheel in "$work"/*.whl; do
  python3 -m zipfile -e "$wheel" "$work/unpacked"
  rm "$wheel"
done
mv "$work"/unpacked/onnxruntime/capi/libonnxruntime_providers_cuda.so \
  "$work"/unpacked/onnxruntime/capi/libonnxruntime_providers_shared.so "$folder/provider/"
find "$work/unpacked/nvidia" -name '*.so*' -type f -exec mv {} "$folder/lib/" \;
