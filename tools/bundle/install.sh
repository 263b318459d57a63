#!/bin/sh
# Loads the images beside this file and starts Glyphmill. Needs no network. Run it again to update or after a change of .env.
# The page is at http://localhost:5000 then, the API at http://localhost:8000.
set -eu
cd "$(dirname "$0")"

say() { echo "$*" >&2; }
die() { say "install.sh: $*"; exit 1; }

docker=${DOCKER:-docker}
command -v "$docker" >/dev/null 2>&1 || die 'Docker is not installed. It is in the package docker.io (Debian, Ubuntu) or moby-engine (Fedora).'
"$docker" version >/dev/null 2>&1 || die "no Docker engine answers, or you may not use it. Start it (systemctl start docker), or run this with sudo.
$("$docker" version 2>&1 | tail -1)"
if "$docker" compose version >/dev/null 2>&1; then
  compose() { "$docker" compose "$@"; }
elif command -v docker-compose >/dev/null 2>&1; then
  compose() { docker-compose "$@"; }
else
  die 'Docker has no compose. It is in the package docker-compose-plugin, docker-compose-v2 or docker-compose, depending on the system.'
fi

. ./bundle.conf
machine=$(uname -m)
[ "$machine" = "$BUNDLE_MACHINE" ] || die "these images are for $BUNDLE_MACHINE, and this PC is $machine"

say 'Checking the archive …'
sha256sum --check --quiet SHA256SUMS || die 'the archive is damaged; copy it anew'
say 'Loading the images (a minute or two) …'
"$docker" load --input images.tar.gz >/dev/null

# Made here, since Docker would make it as root and nobody could put anything into it.
mkdir -p inbox
# Settings that were made are kept; what is missing is added. Only their owner reads them: a password may be among them.
touch .env
chmod 600 .env
if [ -n "${SUDO_UID:-}" ]; then chown "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" inbox .env; fi
set_once() { grep -q "^$1=" .env || echo "$1=$2" >>.env; }
set_once COMPOSE_FILE docker-compose.yml:compose.offline.yml
set_once COMPOSE_PROJECT_NAME glyphmill
cores=$(getconf _NPROCESSORS_ONLN)
set_once WORKER_CPUS "$cores"
# An engine for each core, but a quarter of the PC's memory is left to everything else.
wanted_mb=$((512 + 800 * cores))
most_mb=$(awk '/^MemTotal:/ { print int($2 / 1024 * 3 / 4) }' /proc/meminfo)
set_once WORKER_MEMORY "$((wanted_mb < most_mb ? wanted_mb : most_mb))m"
sed -i '/^GLYPHMILL_TAG=/d' .env
echo "GLYPHMILL_TAG=$BUNDLE_TAG" >>.env

say 'Starting …'
compose up -d --no-build --remove-orphans

say 'Waiting until everything is ready …'
tries=90
for service in redis api worker ingest web gate; do
  until [ "$("$docker" inspect --format '{{.State.Health.Status}}' "$(compose ps -q "$service")" 2>/dev/null)" = healthy ]; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || die "$service does not get ready. Look at: docker compose logs $service"
    sleep 2
  done
done

setting() { sed -n "s/^$1=//p" .env | tail -1; }
web_port=$(setting WEB_PORT)
api_port=$(setting API_PORT)
say "
Glyphmill runs, and will again after each start of this PC.
  page  http://localhost:${web_port:-5000}
  API   http://localhost:${api_port:-8000}
  put pictures into $(pwd)/inbox"
