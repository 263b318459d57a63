#!/bin/sh
# install-debian-packages.sh PACKAGE…: installs Debian packages in an image build and leaves no trace of where they came
# from. The build's secrets, all optional, say where that is: `apt_sources` replaces the image's own sources (one-line or
# deb822 style), `apt_conf` is an apt.conf (a proxy, for instance), `ca_certificates` is who signs an https mirror.
set -eu
secrets=${SECRETS:-/run/secrets}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/cache/archives/partial"

# Lists and packages live in the temporary folder only; nothing in a build is worth a flush of the disk.
set -- --no-install-recommends --yes -q "$@"
set -- -o Dpkg::Options::=--force-unsafe-io -o Dpkg::Use-Pty=0 "$@"
options="-o Dir::State::lists=$work/lists -o Dir::Cache=$work/cache -o APT::Sandbox::User=root"

if [ -s "$secrets/apt_sources" ]; then
  # apt tells the two styles apart by the ending of the name.
  if grep -q '^Types:' "$secrets/apt_sources"; then ending=sources; else ending=list; fi
  cp "$secrets/apt_sources" "$work/build.$ending"
  options="$options -o Dir::Etc::sourcelist=$work/build.$ending -o Dir::Etc::sourceparts=-"
fi
if [ -s "$secrets/apt_conf" ]; then export APT_CONFIG="$secrets/apt_conf"; fi
if [ -s "$secrets/ca_certificates" ]; then options="$options -o Acquire::https::CAInfo=$secrets/ca_certificates"; fi

export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086 # the options are words without spaces of their own
apt-get $options -q update
# shellcheck disable=SC2086
apt-get $options install "$@"
rm -rf /var/log/apt /var/log/dpkg.log /var/log/alternatives.log /var/cache/ldconfig/aux-cache
