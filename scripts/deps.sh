#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that Slotway needs and that are not there yet.
#
#   scripts/deps.sh [build] [test] [fuzz] [bench] [clients] [java] [browser]   (default: build)
#
# Nothing is downloaded when nothing is missing. Services of freshly installed packages
# (redis-server, haproxy) are neither started nor enabled: only their programs are used.
set -euo pipefail

build_packages=(g++ cmake ninja-build pkg-config ccache libuv1-dev node-llhttp libspdlog-dev
  libyaml-cpp-dev prometheus-cpp-dev libssl-dev libexpected-dev libjemalloc-dev
  liblua5.1-0-dev lua-cjson-dev lua-bitop-dev libgtest-dev libgmock-dev libbenchmark-dev nlohmann-json3-dev)
test_packages=(redis-server redis-tools python3 python3-redis python3-pytest libhiredis-dev
  iproute2 nftables procps openssl prometheus prometheus-redis-exporter)
fuzz_packages=(clang libclang-rt-14-dev)
bench_packages=(redis-server redis-tools haproxy python3)
# PACKAGE:COMMAND is not needed where the command is there, from wherever it came.
clients_packages=(python3-venv nodejs:node npm:npm golang-go:go)
java_packages=(openjdk-17-jdk-headless:javac maven:mvn)
browser_packages=(nodejs:node npm:npm chromium)
services=(redis-server haproxy prometheus prometheus-node-exporter prometheus-redis-exporter)

say() { printf 'deps: %s\n' "$*"; }
die() {
  printf 'deps: error: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf 'deps:   %s\n' "$line" >&2; done
  exit 1
}

usage() {
  cat <<USAGE
usage: scripts/deps.sh [GROUP...]

  build    compiler, CMake, Ninja and the libraries Slotway is built from (default)
  test     redis-server, redis-cli, Python 3 with redis-py and pytest, hiredis, ip, nft, prometheus,
           redis_exporter
  fuzz     clang with libFuzzer
  bench    redis-server, redis-benchmark, HAProxy
  clients  Node.js, Go and Python's venv for the group registry of test.sh
  java     a JDK and Maven for its group java
  browser  Node.js and Chromium for its group browser
USAGE
}

listed=()
[ $# -gt 0 ] || set -- build
for group in "$@"; do
  case "$group" in
    build) listed+=("${build_packages[@]}") ;;
    test) listed+=("${test_packages[@]}") ;;
    fuzz) listed+=("${fuzz_packages[@]}") ;;
    bench) listed+=("${bench_packages[@]}") ;;
    clients) listed+=("${clients_packages[@]}") ;;
    java) listed+=("${java_packages[@]}") ;;
    browser) listed+=("${browser_packages[@]}") ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown group '$group'" ;;
  esac
done

wanted=()
for package in "${listed[@]}"; do
  case "$package" in *:*) command -v "${package#*:}" >/dev/null && continue ;; esac
  wanted+=("${package%%:*}")
done
if [ ${#wanted[@]} -eq 0 ]; then
  say "all programs are there ($*)"
  exit 0
fi

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  die "this script needs a Debian 12 (apt and dpkg)" \
    "on another system install the equivalents of: ${wanted[*]}"
fi

declare -A installed=()
while IFS=' ' read -r name status; do
  [ "$status" = installed ] && installed[$name]=1
done < <(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${wanted[@]}" 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
  [ -n "${installed[$package]:-}" ] && continue
  # Marks it as seen, so that a package of two groups is listed once.
  installed[$package]=1
  missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  say "all packages are there ($*)"
  exit 0
fi

root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    die "packages are missing, and this is neither root nor is there a sudo" \
      "run as root: apt-get install --no-install-recommends ${missing[*]}"
  fi
  root=(sudo)
  say "sudo is used to install packages"
fi

log=$(mktemp -t slotway-deps.XXXXXX)
policy=/usr/sbin/policy-rc.d
policy_is_ours=no
remove_policy() {
  [ "$policy_is_ours" = yes ] && "${root[@]}" rm -f "$policy"
  return 0
}
trap remove_policy EXIT
trap 'exit 130' INT TERM

# Debian asks this file before a package's service is started; 101 means "no".
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod 755 "$policy"
  policy_is_ours=yes
fi

# Reads apt's machine readable status (dlstatus:N:PERCENT:TEXT, pmstatus:PACKAGE:PERCENT:TEXT)
# and prints a line whenever another tenth is done.
show_progress() {
  local kind subject percent text tenth last_kind='' last_tenth=-1
  while IFS=: read -r kind subject percent text; do
    case "$kind" in dlstatus | pmstatus) ;; *) continue ;; esac
    percent=${percent%%.*}
    [[ "$percent" =~ ^[0-9]+$ ]] || continue
    tenth=$((percent / 10))
    [ "$kind" = "$last_kind" ] && [ "$tenth" -le "$last_tenth" ] && continue
    last_kind=$kind last_tenth=$tenth
    if [ "$kind" = dlstatus ]; then
      printf 'deps: downloading %3d%%\n' "$percent"
    else
      printf 'deps: installing  %3d%%  %s\n' "$percent" "$text"
    fi
  done
}

# apt closes the status descriptor in the programs it starts, so it must not be their output; and
# sudo passes on no descriptor above 2, so it is opened behind sudo.
apt() {
  { "${root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
      sh -c 'exec apt-get -y -q -o APT::Status-Fd=3 "$@" 3>&1' apt-get \
      -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 "$@" 2>&1 |
      tee -a "$log" | show_progress; } || return 1
}

fail_with_log() {
  tail -n 15 "$log" >&2
  die "$1" "the whole output is in $log" "${@:2}"
}

say "missing: ${missing[*]}"
say "reading the package lists"
apt update || fail_with_log "apt-get update failed" \
  "check /etc/apt/sources.list and the network (https sources need ca-certificates)"
apt install --no-install-recommends "${missing[@]}" || fail_with_log \
  "apt-get could not install everything" \
  "Slotway is built on Debian 12 (bookworm); its main archive has all of these packages"

if [ -d /run/systemd/system ] && command -v systemctl >/dev/null; then
  for service in "${services[@]}"; do
    for package in "${missing[@]}"; do
      [ "$package" = "$service" ] || continue
      "${root[@]}" systemctl disable --now "$service" >>"$log" 2>&1 || true
    done
  done
fi
rm -f "$log"
say "installed ${#missing[@]} packages and what they depend on"
