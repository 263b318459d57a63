#!/bin/sh
# install-service.sh NAME: installs what services/NAME needs at run time, from the lockfile, and drops what this platform
# or a running service never reads: other platforms' libraries, C sources, types, source maps.
set -eu
. docker/use-npm-secrets.sh
pnpm install --prod --frozen-lockfile --filter-prod "@glyphmill/$1..." \
  --config.store-dir=/pnpm/store --config.package-import-method=copy --reporter=append-only

case $(uname -m) in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "Unknown architecture $(uname -m)" >&2 && exit 1 ;;
esac
store=node_modules/.pnpm
for folder in "$store"/onnxruntime-node@*/node_modules/onnxruntime-node/bin/*/*/*; do
  case $folder in
    */linux/"$arch" | *'*'*) ;;
    *) rm -rf "$folder" ;;
  esac
done
for folder in "$store"/better-sqlite3@*/node_modules/better-sqlite3; do
  rm -rf "$folder/deps" "$folder/src"
  find "$folder/prebuilds" -name '*.node' ! -name "linux-$arch.node" -delete
done
find node_modules/.pnpm -type f \
  \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.cts' -o -name '*.d.mts' -o -name '*.tsbuildinfo' \) -delete
rm -f node_modules/.pnpm/lock.yaml node_modules/.modules.yaml
