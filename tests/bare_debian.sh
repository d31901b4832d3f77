#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves the two commands on a bare Debian 12: a fresh minbase tree, this project, nothing else.
#
#   tests/bare_debian.sh [DIR]        (root; mmdebstrap or debootstrap; 15 to 30 minutes)
#
# ./run.sh has to print its endpoint, answer a SET and a GET and leave nothing after Ctrl-C;
# ./test.sh unit has to pass. DIR (default: a temporary one) is removed at the end. CCACHE_DIR, if
# set, is the compiler cache inside too, which makes a second run short.
set -euo pipefail
project=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
build_wait_s=3600

say() { printf '\n==> bare_debian: %s\n' "$*"; }
die() { printf 'bare_debian: error: %s\n' "$*" >&2; exit 1; }

[ "$(id -u)" -eq 0 ] || die "this needs root (chroot, mounts)"
tree=${1:-$(mktemp -d -t slotway-bare.XXXXXX)}
runner=''
mounts=()

clean_up() {
  local mount
  if [ -n "$runner" ] && kill -0 "$runner" 2>/dev/null; then
    kill -INT -- "-$runner" 2>/dev/null || true
    wait "$runner" 2>/dev/null || true
  fi
  for mount in "${mounts[@]}"; do umount "$mount" || umount -l "$mount" || true; done
  # Never descends into what is still mounted.
  rm -rf --one-file-system "$tree"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

say "making a minbase tree in $tree"
mkdir -p "$tree"
if command -v mmdebstrap >/dev/null; then
  mmdebstrap --quiet --variant=minbase bookworm "$tree"
elif command -v debootstrap >/dev/null; then
  debootstrap --variant=minbase bookworm "$tree" >/dev/null
else
  die "neither mmdebstrap nor debootstrap is there: apt-get install mmdebstrap"
fi
cp /etc/resolv.conf "$tree/etc/resolv.conf" 2>/dev/null || true
# How this machine reaches its mirror may be special (proxies): the tree needs the same.
for file in /etc/apt/apt.conf /etc/apt/apt.conf.d/*proxy*; do
  [ -f "$file" ] && cp "$file" "$tree/etc/apt/apt.conf.d/"
done
# bind FROM TO: TO is a folder in the tree.
bind() {
  mkdir -p "$tree/$2"
  mount --bind "$1" "$tree/$2"
  mounts+=("$tree/$2")
}
bind /proc proc
bind /dev dev
settings=()
if [ -n "${CCACHE_DIR:-}" ]; then
  mkdir -p "$CCACHE_DIR"
  bind "$CCACHE_DIR" srv/ccache
  settings+=(CCACHE_DIR=/srv/ccache)
fi

say "copying the project"
mkdir -p "$tree/srv/slotway"
if git -C "$project" rev-parse HEAD >/dev/null 2>&1; then
  git -C "$project" archive HEAD | tar -x -C "$tree/srv/slotway"
else
  tar -C "$project" --exclude=./build -c . | tar -x -C "$tree/srv/slotway"
fi
inside() {
  env -i HOME=/root TERM="${TERM:-dumb}" PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    "${settings[@]}" chroot "$tree" /bin/bash -c "cd /srv/slotway && $1"
}

say "./run.sh"
port=32217
password=bare-debian
log=$tree/run.log
: >"$log"
# A process group of its own, so that Ctrl-C reaches it as it would in a terminal.
set -m
inside "exec ./run.sh --port $port --password $password" >"$log" 2>&1 &
runner=$!
set +m
tail -n +1 -f --pid="$runner" "$log" &
end=$((SECONDS + build_wait_s))

# One request by bash alone: the tree has no redis-cli.
ask() {
  exec 5<>"/dev/tcp/127.0.0.1/$port" || return 1
  printf 'AUTH %s\r\n%s\r\n' "$password" "$1" >&5
  local line
  read -r -t 10 -u 5 line && [ "${line%$'\r'}" = "+OK" ] || return 1
  read -r -t 10 -u 5 line || return 1
  if [ "${line:0:1}" = '$' ]; then read -r -t 10 -u 5 line || return 1; fi
  exec 5>&-
  printf '%s' "${line%$'\r'}"
}
until grep -q "$port" "$log" && [ "$( (ask 'SET bare debian') 2>/dev/null)" = "+OK" ]; do
  kill -0 "$runner" 2>/dev/null || die "./run.sh ended early, its output is above"
  [ "$SECONDS" -lt "$end" ] || die "./run.sh printed no endpoint within $build_wait_s s"
  sleep 1  # poll: run.sh may take long to come to its endpoint, and nothing tells from outside
done
[ "$(ask 'GET bare')" = "debian" ] || die "GET did not answer what SET wrote"
say "SET and GET answered; Ctrl-C"
kill -INT -- "-$runner"
wait "$runner" || true
runner=''
for exe in /proc/[0-9]*/exe; do
  case "$(readlink "$exe" 2>/dev/null || true)" in
    "$tree"/srv/slotway/*) die "a process is left behind: $exe" ;;
  esac
done
(ask PING) 2>/dev/null && die "the port still answers"

say "./test.sh unit"
inside "./test.sh unit"
say "both commands work on a bare Debian 12"
