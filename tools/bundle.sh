#!/usr/bin/env bash
# Writes one archive with all that a PC without internet needs: the images, the compose files and install.sh.
#
#   docker compose build
#   tools/bundle.sh                    # writes glyphmill-VERSION-MACHINE.tar
#   tools/bundle.sh FILE.tar           # writes FILE.tar
#
# Over there: tar xf FILE.tar && cd glyphmill-… && sudo ./install.sh
# WITH_GPU=1 puts the GPU worker's image in, too.
set -euo pipefail
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
die() { echo "bundle.sh: $*" >&2; exit 1; }

built_tag=${GLYPHMILL_TAG:-local}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
machine=$(uname -m)
name=glyphmill-$version-$machine
archive=$(realpath -m "${1:-$name.tar}")
services=(redis api worker ingest web gate)
[[ ${WITH_GPU:-} == 1 ]] && services+=(worker-gpu)

"$docker" version >/dev/null 2>&1 || die "no Docker engine answers (DOCKER=$docker)"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/$name"

# A tag of this content's own: an update makes the containers anew, and what was installed can be told from what was built.
ids=$(for service in "${services[@]}"; do
  "$docker" image inspect --format '{{.Id}}' "glyphmill/$service:$built_tag" 2>/dev/null ||
    die "there is no image glyphmill/$service:$built_tag; build first: docker compose build"
done)
tag=$version-$(sha256sum <<<"$ids" | cut -c1-8)
images=()
for service in "${services[@]}"; do
  "$docker" tag "glyphmill/$service:$built_tag" "glyphmill/$service:$tag"
  images+=("glyphmill/$service:$tag")
done

echo "Saving ${#images[@]} images …" >&2
compress=(gzip -6)
command -v pigz >/dev/null && compress=(pigz -6)
"$docker" save "${images[@]}" | "${compress[@]}" >"$folder/$name/images.tar.gz"
cp docker-compose.yml compose.offline.yml .env.example LICENSE tools/bundle/install.sh tools/bundle/README.txt "$folder/$name/"
mkdir "$folder/$name/docs"
cp docs/docker.md docs/troubleshooting.md docs/configuration.md "$folder/$name/docs/"
printf 'BUNDLE_TAG=%s\nBUNDLE_MACHINE=%s\n' "$tag" "$machine" >"$folder/$name/bundle.conf"
chmod 755 "$folder/$name/install.sh"
(cd "$folder/$name" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum) >"$folder/SHA256SUMS"
mv "$folder/SHA256SUMS" "$folder/$name/"
# The images are compressed already.
tar --owner=0 --group=0 --numeric-owner -C "$folder" -cf "$archive" "$name"
"$docker" rmi "${images[@]}" >/dev/null
echo "$archive: $(du -h "$archive" | cut -f1)" >&2
