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

Without a group, all are run but fuzz and registry. asan and tsan test a sanitizer build.

  unit        unit tests of every layer (they need no server)
  tidy        the house rules: layers, sizes, names
  guide       the transcripts of the Redis on Kubernetes guide, through the proxy
  faces       HELLO, AUTH, CLIENT, COMMAND, SELECT and CLUSTER, as clients use them
  conformance single-key commands: proxy and redis-server must answer the same bytes
  order       deep random pipelines over all masters: replies in the order of requests
  robustness  malformed and oversized input, idle connections, memory bounds
  reshard     2,000 slots move while 200,000 keys are written and read
  failover    kill -9 of a master under load
  nodeport    the NodePort proof in network namespaces (needs root)
  local       slotway local: start, supervision, Ctrl-C
  clients     redis-py, as a standalone and as a cluster client
  registry    ioredis, node-redis and go-redis likewise (from npm and the Go proxy; what is not
              installed is skipped: scripts/deps.sh clients)
  differential  random commands: slotway-shard and redis-server must answer the same
  bench       the arithmetic of the benchmark's tables
  cluster     every group that runs against a cluster
  fuzz        short runs of the libFuzzer targets (builds them with clang)
  all         every group but fuzz and registry

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
scripts/deps.sh "${packages[@]}"

logs=()
status=0

# run_tests PRESET SELECTION...: runs one build's tests and remembers their log.
run_tests() {
  local dir=build/$1
  local selection=("${@:2}")
  rm -f "$dir/Testing/Temporary/LastTest.log"
  ctest --test-dir "$dir" "${selection[@]}" --output-on-failure --no-tests=ignore \
    --parallel "$(nproc)" || status=1
  [ -f "$dir/Testing/Temporary/LastTest.log" ] || return 0
  cp "$dir/Testing/Temporary/LastTest.log" "$dir/Testing/slotway-tests.log"
  logs+=("$dir/Testing/slotway-tests.log")
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
    run_tests "$preset" -LE '^registry$'
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

# Counts single cases where the output of GoogleTest or pytest tells them; a test that says
# nothing, or died before it could, counts as one.
awk '
  function Close() {
    if (name == "") return
    if (p + f + s == 0) { if (verdict == "ok") p = 1; else if (verdict == "skip") s = 1; else f = 1 }
    else if (verdict == "bad" && f == 0) f = 1
    passed += p; failed += f; skipped += s
    if (verdict == "bad") bad[++bads] = name
    for (i = 1; i <= whys; ++i) print "skipped: " name ": " why[i]
    if (verdict == "skip" && whys == 0) print "skipped: " name
    name = ""
  }
  function Count(word,   i) {
    for (i = 2; i <= NF; ++i) { gsub(/,/, "", $i); if ($i == word) return $(i - 1) + 0 }
    return 0
  }
  /^[0-9]+\/[0-9]+ Test(ing)?: / {
    if ($2 == "Testing:") { Close(); name = $3; p = f = s = whys = 0; verdict = "bad" }
    next
  }
  /^\[  PASSED  \] [0-9]+ test/ { p += $4; next }
  /^\[  FAILED  \] [0-9]+ test/ { f += $4; next }
  /^\[  SKIPPED \] [0-9]+ test/ { s += $4; next }
  /^SKIPPED \[/ { why[++whys] = substr($0, index($0, ": ") + 2); next }
  /^=+ .*(passed|failed|skipped|error).* in [0-9.]+s/ {
    p += Count("passed"); s += Count("skipped")
    f += Count("failed") + Count("error") + Count("errors")
    next
  }
  /^Test Passed\./ { verdict = "ok" }
  /^Test Skipped|^Skipped\.|^Test not run/ { verdict = "skip" }
  END {
    Close()
    for (i = 1; i <= bads; ++i) print "failed: " bad[i]
    printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
    exit (failed > 0 || passed == 0) ? 1 : 0
  }
' "${logs[@]}" >build/summary.txt || status=1
printf '\n'
cat build/summary.txt
exit "$status"
