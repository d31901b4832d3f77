#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# From a bare Debian 12 to a running cluster behind one port; Ctrl-C stops all of it.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
# shellcheck source=scripts/build.sh
source scripts/build.sh

usage() {
  cat <<USAGE
usage: ./run.sh [OPTIONS]

Installs what is missing, builds a release and starts a cluster with Slotway in front of it.

  --shards N     masters (default 3)
  --replicas R   replicas of each master (default 1)
  --port P       port of the proxy on 127.0.0.1 (default 32200)
  --password X   password of the proxy (default: one is made and printed)
  --dir D        where the shards keep their files (default: a temporary directory)

Ctrl-C stops every process that was started.
USAGE
}

for argument in "$@"; do
  case "$argument" in -h | --help) usage; exit 0 ;; esac
done

step "[1/3] packages"
scripts/deps.sh build
step "[2/3] building a release (the first time this takes some minutes)"
build_preset release slotway slotway-shard
step "[3/3] starting the cluster"
exec build/release/bin/slotway local "$@"
