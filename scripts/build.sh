# SPDX-License-Identifier: Apache-2.0
# Sourced by run.sh and test.sh, in the project's folder: how a preset is built.

step() { printf '\n==> %s\n' "$*"; }

stop_with() {
  printf '%s: error: %s\n' "$0" "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

# One compiler per core, but no more than the memory allows (about 1 GB each).
build_jobs() {
  local cores memory_gb
  cores=$(nproc)
  memory_gb=$(awk '/^MemAvailable:/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$memory_gb" -ge 1 ] || memory_gb=1
  [ "$memory_gb" -lt "$cores" ] && cores=$memory_gb
  echo "$cores"
}

# build_preset PRESET [TARGET...]
build_preset() {
  local preset=$1 cache=build/$1/CMakeCache.txt
  shift
  # A build folder that was copied or moved along with the project is of no use to CMake.
  if [ -f "$cache" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$PWD" "$cache"; then
    rm -rf "build/$preset"
  fi
  mkdir -p build
  cmake --preset "$preset" >"build/configure-$preset.log" 2>&1 || {
    tail -n 30 "build/configure-$preset.log" >&2
    stop_with "CMake could not configure the preset '$preset'" \
      "the whole output is in $PWD/build/configure-$preset.log" \
      "if packages are missing: scripts/deps.sh build; to start afresh: rm -rf build/$preset"
  }
  rm -f "build/configure-$preset.log"
  local targets=()
  [ $# -gt 0 ] && targets=(--target "$@")
  cmake --build --preset "$preset" "${targets[@]}" --parallel "$(build_jobs)" || stop_with \
    "the build failed: the compiler's message is above" \
    "to start afresh: rm -rf build/$preset and run this again"
}
