#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, builds, and runs the tests: all of them or some groups.
set -euo pipefail
cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")"
# shellcheck source=scripts/build.sh
source scripts/build.sh

usage() {
  cat <<'USAGE'
usage: ./test.sh [asan|tsan|dev] [GROUP...]

Without a group, all are run but fuzz, registry, java, browser, console and the long half of k8s. asan
and tsan test a sanitizer build.

  unit        unit tests of every layer (they need no server)
  tidy        the house rules: layers, sizes, names
  guide       the transcripts of the Redis on Kubernetes guide, through the proxy
  faces       HELLO, AUTH, CLIENT, COMMAND, SELECT and CLUSTER, as clients use them
  conformance single-key commands: proxy and redis-server must answer the same bytes
  order       deep random pipelines over all masters: replies in the order of requests
  transaction MULTI, EXEC, WATCH: as one redis-server, while slots move and masters die
  script      EVAL, FCALL, SCRIPT, FUNCTION: as one redis-server; what a shard forgot is loaded
  rolling     proxies are replaced one by one under load: no client sees an error
  restore     back up and restore as docs/operations.md says
  robustness  malformed and oversized input, idle connections, memory bounds
  hostile     a hostile client's catalogue: nothing gets in, nothing falls over
  secrets     passwords rotate without a lost request, and are nowhere to be read
  reshard     2,000 slots move while 200,000 keys are written and read
  failover    kill -9 of a master under load
  chaos       nodes are killed, paused and restarted and slots move: nothing is lost, doubled or
              swapped (half a minute; SLOTWAY_CHAOS_MINUTES=10 for longer)
  scale       10,000 idle, 2,000 blocked and 1,000 subscribed clients beside a busy pipeline
  nodeport    the NodePort proof in network namespaces (needs root)
  bus         the cluster bus: shards and redis-servers as one cluster, redis-cli --cluster
  cluster_tool  slotway cluster create, check, converge, add, remove, rebalance; killed in the middle
  reshaping   two nodes come and go while clients count: no error, no loss
              (SLOTWAY_RESHAPING_ROUNDS=10 for longer, and for redis-servers)
  moving_slots  a master dies while its slots move
  forming     nodes form a cluster by themselves, join one, come back under other addresses
  simulation  simulated clusters with faults (SLOTWAY_SIMULATION_SEEDS=1000 for more of them,
              SLOTWAY_SIMULATION_SEED=7 for one again)
  local       slotway local: start, supervision, Ctrl-C
  clients     client libraries at the proxy, of one server and of a cluster: Debian's redis-py
              and hiredis
  registry    likewise redis-py, ioredis, node-redis, BullMQ and go-redis from PyPI, npm and the Go
              proxy; what can not be fetched is skipped
  java        likewise Jedis, Lettuce and Spring Data Redis from Maven Central
  browser     P3X Redis UI, from npm, in headless Chromium
  console     the console in headless Chromium while a master is killed (Playwright from npm)
  k8s         the Helm chart by Helm 3 and 4, held against the API's types, and the manifests; in
              network namespaces the manifests run, grow, shrink and restart (needs root); and the
              image and the compose file by buildah and podman, where those are
  differential  random commands: slotway-shard and redis-server must answer the same
  proxy-differential  random commands: a cluster behind the proxy and one redis-server must answer
              the same
  tools       the project's own tools: the benchmark's tables, the summary below
  cluster     every group that runs against a cluster
  fuzz        short runs of the libFuzzer targets (builds them with clang)
  all         every group but fuzz, registry, java, browser, console, and k8s that takes minutes

The last line says: N passed, N failed, N skipped
USAGE
}

preset=release
groups=()
fuzz=no
all=no
for argument in "$@"; do
  case "$argument" in
    -h | --help) usage; exit 0 ;;
    asan | tsan | dev | release) preset=$argument ;;
    fuzz) fuzz=yes ;;
    all) all=yes ;;
    -*) usage >&2; stop_with "unknown option '$argument'" ;;
    *) groups+=("$argument") ;;
  esac
done
[ ${#groups[@]} -eq 0 ] && [ "$fuzz" = no ] && all=yes

needs_servers=no
[ "$all" = yes ] && needs_servers=yes
for group in "${groups[@]}"; do
  [ "$group" = unit ] || needs_servers=yes
done

step "packages"
packages=(build)
[ "$needs_servers" = yes ] && packages+=(test)
[ "$fuzz" = yes ] && packages+=(fuzz)
for group in "${groups[@]}"; do
  case "$group" in
    registry | k8s) packages+=(clients) ;;
    java | browser) packages+=("$group") ;;
    console) packages+=(browser) ;;
  esac
done
scripts/deps.sh "${packages[@]}"

logs=()
status=0

# run_ctest DIR NAME OPTION...: runs tests of one build and remembers their log as NAME.
run_ctest() {
  local dir=$1 name=$1/Testing/$2 log=$1/Testing/Temporary/LastTest.log done=0
  rm -f "$log"
  mkdir -p "$dir/Testing"
  ctest --test-dir "$dir" "${@:3}" --output-on-failure --no-tests=ignore | tee "$name.txt" || done=1
  if [ -f "$log" ]; then
    mv "$log" "$name.log"
    logs+=("$name.txt" "$name.log")
  fi
  return "$done"
}

# run_tests PRESET SELECTION...: runs one build's tests. Black-box tests see real processes against
# the clock, on machines that others use too: up to three that failed are run once more, alone, and
# the summary calls those unstable that pass then. Nothing else has a second chance.
run_tests() {
  local dir=build/$1
  # One more than there are cores, for most of them wait most of the time.
  run_ctest "$dir" first "${@:2}" --parallel "$(($(nproc) + 1))" && return
  local failed=$dir/Testing/Temporary/LastTestsFailed.log
  if [ ! -f "$failed" ] || [ "$(wc -l <"$failed")" -gt 3 ] || grep -qv ':blackbox\.' "$failed"; then
    status=1
    return
  fi
  step "once more, alone"
  run_ctest "$dir" again --rerun-failed || status=1
}

if [ "$all" = yes ] || [ ${#groups[@]} -gt 0 ]; then
  step "building ($preset)"
  build_preset "$preset"
  known=$(ctest --test-dir "build/$preset" --print-labels | sed -n 's/^  //p')
  for group in "${groups[@]}"; do
    grep -qxF -- "$group" <<<"$known" ||
      stop_with "there is no group '$group'" "groups: ${known//$'\n'/ } all"
  done
  step "testing ($preset)"
  if [ "$all" = yes ]; then
    run_tests "$preset" -LE '^(registry|java|browser|console|k8s_lab|k8s_migration|k8s_image)$'
  else
    run_tests "$preset" -L "^($(IFS='|'; echo "${groups[*]}"))\$"
  fi
fi

if [ "$fuzz" = yes ]; then
  step "building the fuzz targets"
  build_preset fuzz
  step "fuzzing"
  run_tests fuzz -L '^fuzz$'
fi

[ ${#logs[@]} -gt 0 ] || stop_with "no test was run"

awk -f scripts/test_summary.awk "${logs[@]}" >build/summary.txt || status=1
printf '\n'
cat build/summary.txt
exit "$status"
