// SPDX-License-Identifier: Apache-2.0
// What the keyspace costs: bytes per key by shape of the data, nanoseconds per operation.
//
//   engine_bench memory     bytes per key, all in, averaged over fill levels (resident and counted)
//   engine_bench speed      ns per batched lookup, insert, overwrite and deletion
//   engine_bench expire     the longest call while a million keys fall due at once
//
// Runs on one thread and prints plain text; fill levels and keys are fixed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

#include "storage/engine/keyspace.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr std::size_t kBatch = 16;

// Bijective, so that keys are distinct and look random.
std::uint64_t Mixed(std::uint64_t number) {
  number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9;
  number = (number ^ number >> 27) * 0x94d049bb133111eb;
  return number ^ number >> 31;
}

// The key with this number: hexadecimal digits, padded; its slot is as good as random.
struct Key {
  char text[32];
  std::size_t length;
  protocol::Slot slot;

  Key(std::uint64_t number, std::size_t key_bytes) : length(key_bytes) {
    std::uint64_t mixed = Mixed(number + 1);
    slot = static_cast<protocol::Slot>(mixed >> 50);
    std::memset(text, 'k', sizeof text);
    for (std::size_t i = 0; i < 16; ++i, mixed >>= 4) text[i] = "0123456789abcdef"[mixed & 15];
  }
  std::string_view view() const { return {text, length}; }
};

std::size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t total = 0;
  std::size_t resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

double CpuSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Shape {
  std::size_t key_bytes;
  std::size_t value_bytes;
  bool has_ttl;
};

void Insert(Keyspace& keyspace, std::uint64_t number, const Shape& shape, const char* value) {
  const Key key(number, shape.key_bytes);
  const std::int64_t ttl_ms = 1'000'000 + static_cast<std::int64_t>(Mixed(number) % 86'400'000);
  keyspace.SetString(key.slot, key.view(), {value, shape.value_bytes},
                     shape.has_ttl ? TtlChange::At(kNow + ttl_ms) : TtlChange::Clear(), kNow);
}

void MeasureMemory(const std::vector<std::size_t>& levels) {
  const std::string value(200, 'v');
  std::printf("bytes per key, all in; %zu levels from %zu to %zu keys\n", levels.size(),
              levels.front(), levels.back());
  std::printf("%-12s %10s %10s %10s %10s %10s %10s\n", "key/value", "resident", "counted",
              "records", "index", "expiry", "worst res");
  for (const Shape shape : {Shape{16, 16, false}, Shape{16, 16, true}, Shape{16, 32, false},
                            Shape{16, 32, true}, Shape{24, 100, false}, Shape{24, 100, true}}) {
    const std::size_t resident_before = ResidentBytes();
    RecordArena arena;
    Keyspace keyspace(arena, {.hash_seed = 77});
    keyspace.ExpireDue(kNow, 1);
    std::array<double, 6> sums{};
    std::size_t keys = 0;
    for (const std::size_t level : levels) {
      for (; keys < level; ++keys) Insert(keyspace, keys, shape, value.data());
      const KeyspaceMemory memory = keyspace.Memory();
      const auto per_key = [&](std::size_t bytes) {
        return static_cast<double>(bytes) / static_cast<double>(keys);
      };
      const double resident = per_key(ResidentBytes() - resident_before);
      sums[0] += resident;
      sums[1] += per_key(memory.Total());
      sums[2] += per_key(memory.record_bytes);
      sums[3] += per_key(memory.index_bytes);
      sums[4] += per_key(memory.expiry_bytes);
      sums[5] = std::max(sums[5], resident);
    }
    const auto count = static_cast<double>(levels.size());
    std::printf("%zu/%zu%-6s %10.1f %10.1f %10.1f %10.1f %10.1f %10.1f\n", shape.key_bytes,
                shape.value_bytes, shape.has_ttl ? " +TTL" : "", sums[0] / count, sums[1] / count,
                sums[2] / count, sums[3] / count, sums[4] / count, sums[5]);
    std::fflush(stdout);
  }
}

// Calls step(first, count) for all numbers below `total` in batches; returns CPU ns per number.
template <class StepFn>
double NanosPerKey(std::size_t total, StepFn&& step) {
  const double start = CpuSeconds();
  for (std::size_t i = 0; i < total; i += kBatch) step(i, std::min(kBatch, total - i));
  return (CpuSeconds() - start) * 1e9 / static_cast<double>(total);
}

// Looks up `count` keys that number(i) names, prefetched together; returns how many were found.
template <class NumberFn>
std::size_t FindBatch(Keyspace& keyspace, std::size_t first, std::size_t count, bool prefetch,
                      NumberFn&& number) {
  std::array<KeyRef, kBatch> refs;
  std::array<Key, kBatch> keys = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return std::array<Key, kBatch>{Key(number(first + I), 16)...};
  }
  (std::make_index_sequence<kBatch>());
  for (std::size_t i = 0; i < count; ++i) refs[i] = {keys[i].slot, keys[i].view()};
  if (prefetch) keyspace.Prefetch({refs.data(), count});
  std::size_t found = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Entry entry = keyspace.Find(refs[i].slot, refs[i].key, kNow);
    if (entry) found += entry.Bytes().size() != 0;
  }
  return found;
}

// Calls act(key) for the `count` keys that number(i) names, after they were prefetched together.
template <class NumberFn, class ActFn>
void EachOfBatch(Keyspace& keyspace, std::size_t first, std::size_t count, NumberFn&& number,
                 ActFn&& act) {
  std::vector<Key> keys;
  std::array<KeyRef, kBatch> refs;
  keys.reserve(kBatch);
  for (std::size_t i = 0; i < count; ++i) {
    keys.emplace_back(number(first + i), 16);
    refs[i] = {keys[i].slot, keys[i].view()};
  }
  keyspace.Prefetch({refs.data(), count});
  for (std::size_t i = 0; i < count; ++i) act(refs[i]);
}

void MeasureSpeed(std::size_t total) {
  const std::string value(200, 'v');
  const Shape shape{16, 32, false};
  RecordArena arena;
  Keyspace keyspace(arena, {.hash_seed = 77});
  std::printf("%zu keys, 16/32, CPU ns per key, batches of %zu\n", total, kBatch);

  using Clock = std::chrono::steady_clock;
  Clock::duration worst{};
  std::size_t found = 0;
  const double insert_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
    const auto start = Clock::now();
    found += FindBatch(keyspace, first, count, true, [](std::uint64_t i) { return i; });
    for (std::size_t i = 0; i < count; ++i) Insert(keyspace, first + i, shape, value.data());
    worst = std::max(worst, Clock::now() - start);
  });
  std::printf("  miss and insert, batched  %6.0f   (slowest batch %.0f us)\n", insert_ns,
              std::chrono::duration<double, std::micro>(worst).count());

  const auto shuffled = [&](std::uint64_t i) { return Mixed(i ^ 0x5555) % total; };
  const double hash_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) found += Key(shuffled(first + i), 16).text[0];
  });
  std::printf("  (making a key             %6.0f   included in each line)\n", hash_ns);
  for (const bool prefetch : {true, false}) {
    const char* how = prefetch ? "batched" : "one by one";
    const double hit_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
      found += FindBatch(keyspace, first, count, prefetch, shuffled);
    });
    const double miss_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
      found += FindBatch(keyspace, first, count, prefetch,
                         [&](std::uint64_t i) { return shuffled(i) + total * 2; });
    });
    std::printf("  hit, %-12s         %6.0f\n  miss, %-12s        %6.0f\n", how, hit_ns, how,
                miss_ns);
  }
  const double overwrite_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
    EachOfBatch(keyspace, first, count, shuffled, [&](const KeyRef& key) {
      keyspace.SetString(key.slot, key.key, {value.data(), 32}, TtlChange::Clear(), kNow);
    });
  });
  std::printf("  overwrite, batched        %6.0f\n", overwrite_ns);
  const double scan_start = CpuSeconds();
  std::size_t scanned = 0;
  std::uint64_t cursor = 0;
  do {
    cursor = keyspace.Scan(cursor, 100, kNow,
                           [&](const Entry& entry) { scanned += entry.key().size() != 0; });
  } while (cursor != 0);
  std::printf("  scan                      %6.0f\n",
              (CpuSeconds() - scan_start) * 1e9 / static_cast<double>(scanned));
  const double delete_ns = NanosPerKey(total, [&](std::size_t first, std::size_t count) {
    EachOfBatch(
        keyspace, first, count, [](std::uint64_t i) { return i; },
        [&](const KeyRef& key) { found += keyspace.Delete(key.slot, key.key, kNow); });
  });
  std::printf("  delete, batched           %6.0f   (found %zu in all, %zu left)\n", delete_ns,
              found, keyspace.Size());
  std::fflush(stdout);
}

void MeasureExpiry() {
  constexpr std::size_t kKeys = 1'000'000;
  const std::string value(32, 'v');
  RecordArena arena;
  Keyspace keyspace(arena, {.hash_seed = 77});
  keyspace.ExpireDue(kNow, 1);
  for (std::size_t i = 0; i < kKeys; ++i) {
    const Key key(i, 16);
    keyspace.SetString(key.slot, key.view(), value, TtlChange::At(kNow + 60'000), kNow);
  }
  using Clock = std::chrono::steady_clock;
  Clock::duration worst{};
  std::int64_t now_ms = kNow;
  double handing_down = 0;
  double deleting = 0;
  while (keyspace.Size() > 0) {
    const double cpu_start = CpuSeconds();
    const auto call_start = Clock::now();
    const auto progress = keyspace.ExpireDue(now_ms, 4096);
    worst = std::max(worst, Clock::now() - call_start);
    (progress.expired > 0 ? deleting : handing_down) += CpuSeconds() - cpu_start;
    if (!progress.more) now_ms += 10;
  }
  std::printf(
      "%zu keys due at once: %.0f ns per key to delete them, %.0f ns before; longest call of 4096 "
      "tokens %.2f ms\n",
      kKeys, deleting * 1e9 / kKeys, handing_down * 1e9 / kKeys,
      std::chrono::duration<double, std::milli>(worst).count());
}

int Run(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "memory") {
    MeasureMemory({3'000'000, 3'400'000, 3'800'000, 4'300'000, 4'800'000, 5'400'000, 6'000'000});
    MeasureMemory({1'000'000, 1'100'000, 1'250'000, 1'400'000, 1'600'000, 1'800'000, 2'000'000});
  } else if (what == "speed") {
    MeasureSpeed(1'000'000);
    MeasureSpeed(4'000'000);
  } else if (what == "expire") {
    MeasureExpiry();
  } else {
    std::fprintf(stderr, "usage: engine_bench memory|speed|expire\n");
    return 2;
  }
  return 0;
}

}  // namespace
}  // namespace slotway::storage

int main(int argc, char** argv) { return slotway::storage::Run(argc, argv); }
