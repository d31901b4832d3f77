// SPDX-License-Identifier: Apache-2.0
// Input: an RDB type byte and a value, as RESTORE takes them. What is taken can be dumped, and what
// was dumped is taken again and dumped as the same, but for the order of tables. Limits are small,
// so that all encodings are met.
#include <algorithm>
#include <string>

#include "storage/engine/keyspace.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway;
using namespace slotway::storage;

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr KeyRef kKey{protocol::Slot{1}, "key"};

// The bytes without their order.
std::string Sorted(std::string bytes) {
  bytes.resize(bytes.size() - 8);  // the checksum
  std::sort(bytes.begin(), bytes.end());
  return bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string payload(fuzz::AsText(data, size));
  payload.append(10, '\0');  // a footer, which only IsDumpIntact looks at
  RecordArena arena(std::size_t{1} << 32);
  Keyspace keyspace(arena, {.hash_seed = 1});
  const ValueLimits limits{
      .hash = {.listpack_entries_max = 4, .listpack_value_bytes_max = 16},
      .list = {.listpack_size = 4},
      .set = {.intset_entries_max = 4, .listpack_entries_max = 3, .listpack_value_bytes_max = 16},
      .sorted_set = {.listpack_entries_max = 4, .listpack_value_bytes_max = 16},
      .stream = {}};
  const RestoreTarget target{keyspace, kKey, limits, kNow};
  if (RestoreValue(payload, target) != RestoreResult::kDone) {
    FUZZ_CHECK(keyspace.Size() == 0);
    return 0;
  }
  auto dump = DumpValue(keyspace, keyspace.Find(kKey.slot, kKey.key, kNow));
  FUZZ_CHECK(IsDumpIntact(dump));
  if (static_cast<RdbType>(payload[0]) == RdbType::kSetListpack) {
    // A listpack of nothing but numbers is dumped member by member, which makes an intset.
    FUZZ_CHECK(RestoreValue(dump, target) == RestoreResult::kDone);
    dump = DumpValue(keyspace, keyspace.Find(kKey.slot, kKey.key, kNow));
  }
  FUZZ_CHECK(RestoreValue(dump, target) == RestoreResult::kDone);
  const auto again = DumpValue(keyspace, keyspace.Find(kKey.slot, kKey.key, kNow));
  FUZZ_CHECK(Sorted(again) == Sorted(dump));
  return 0;
}
