#!/usr/bin/env bash
# Makes the image that all of ours stand on from Debian's packages alone, for machines that reach no registry of images:
#
#   sudo tools/base-image.sh                         # makes glyphmill-base:bookworm
#   BASE_IMAGE=glyphmill-base:bookworm docker compose build
#
# Needs root, Debian's debootstrap and a Docker engine. Packages come from the first source that this machine's own apt
# has for the release (or from MIRROR), together with its security updates; neither its address nor anything else of this
# machine is left in the image. Takes a minute or two.
set -euo pipefail
release=${RELEASE:-bookworm}
image=${1:-glyphmill-base:$release}
docker=${DOCKER:-docker}

die() { echo "base-image.sh: $*" >&2; exit 1; }
[[ ${1:-} != -* ]] || die "usage: base-image.sh [IMAGE:TAG]   (RELEASE, MIRROR and DOCKER are read from the environment)"
[[ $(id -u) == 0 ]] || die 'debootstrap has to run as root'
command -v debootstrap >/dev/null || die 'debootstrap is missing: apt-get install debootstrap'
"$docker" version >/dev/null 2>&1 || die "no Docker engine answers (DOCKER=$docker, DOCKER_HOST=${DOCKER_HOST:-})"

# One line an apt source of this release: "URI SUITE COMPONENT". Empty where this machine is no Debian, or another one.
sources() {
  command -v apt-get >/dev/null || return 0
  # shellcheck disable=SC2016 # apt fills these in
  apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
    awk -v release="$release" '$3 == "main" && ($2 == release || index($2, release "-") == 1)' | sort -u
}
mirror=${MIRROR:-$(sources | awk -v release="$release" '$2 == release { print $1; exit }')}
[[ -n $mirror ]] || die "this machine's apt knows no source of Debian $release; name one: MIRROR=https://… tools/base-image.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
echo "Debian $release is being put together …" >&2
debootstrap --variant=minbase "$release" "$root" "$mirror" >"$root.log" 2>&1 || { tail -20 "$root.log" >&2; rm -f "$root.log"; die 'debootstrap failed'; }
rm -f "$root.log"

# What is installed from here on brings no documents and no translations; what is there already goes below.
cat >"$root/etc/dpkg/dpkg.cfg.d/without-documents" <<'DPKG'
path-exclude /usr/share/doc/*
path-include /usr/share/doc/*/copyright
path-exclude /usr/share/info/*
path-exclude /usr/share/locale/*
path-exclude /usr/share/man/*
DPKG

# The updates that came out since the release: with this machine's sources, settings and name servers, all lent for the time.
if [[ -z ${MIRROR:-} ]]; then
  sources | awk '{ print "deb", $1, $2, $3 }' >"$root/etc/apt/sources.list"
  lent=(/etc/resolv.conf /etc/ssl/certs/ca-certificates.crt)
  apt_conf=$(apt-config dump | grep -E '^Acquire::(http|https|Check)[A-Za-z:-]* ' || true)
  printf '%s\n' "$apt_conf" 'APT::Sandbox::User "root";' >"$root/etc/apt/apt.conf"
  mkdir -p "$root/etc/ssl/certs"
  for file in "${lent[@]}"; do [[ -e $file ]] && cp -L "$file" "$root$file"; done
  DEBIAN_FRONTEND=noninteractive chroot "$root" sh -c \
    'apt-get -qq update && apt-get -qq --yes -o Dpkg::Options::=--force-unsafe-io upgrade' >"$root.log" 2>&1 ||
    { tail -20 "$root.log" >&2; rm -f "$root.log"; die 'the updates could not be installed'; }
  rm -f "$root.log" "$root/etc/ssl/certs/ca-certificates.crt"
fi

rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/* "$root"/var/cache/debconf/*-old "$root"/var/log/* "$root"/tmp/* \
  "$root"/etc/apt/{apt.conf,auth.conf,sources.list} "$root"/etc/{hostname,resolv.conf,machine-id} \
  "$root"/var/cache/ldconfig/aux-cache "${root:?}"/dev/* "$root"/debootstrap \
  "$root"/usr/share/{info,locale,man}/* "$root"/usr/share/{lintian,linda}
find "$root/usr/share/doc" -type f ! -name copyright -delete
find "$root/usr/share/doc" -mindepth 1 -empty -delete
mkdir -p "$root/var/lib/apt/lists/partial" "$root/var/cache/apt/archives/partial"
touch "$root/etc/apt/sources.list"

tar --numeric-owner --one-file-system -C "$root" -c . | "$docker" import --change 'CMD ["/bin/sh"]' - "$image" >/dev/null
"$docker" image inspect --format '{{index .RepoTags 0}}: {{.Size}} bytes' "$image"
