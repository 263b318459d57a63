#!/usr/bin/env bash
# fetch-compose.sh FILE: puts Debian's compose 2 at FILE. Debian 12 has only 1.29, so it is taken out of the package of the
# release after it, by the mirror that this machine's apt uses; nothing is installed.
set -euo pipefail
target=$1
release=trixie
# shellcheck disable=SC2016 # apt fills it in
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m1 '/debian/$')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
printf 'Types: deb\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n' \
  "$mirror" "$release" >"$work/$release.sources"
apt=(apt-get -q -o "Dir::Etc::sourcelist=$work/$release.sources" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
  -o "Dir::Cache=$work/cache" -o APT::Sandbox::User=root)
"${apt[@]}" update
cd "$work"
"${apt[@]}" download docker-compose
dpkg-deb -x docker-compose_*.deb unpacked
install -m 755 unpacked/usr/libexec/docker/cli-plugins/docker-compose "$target"
