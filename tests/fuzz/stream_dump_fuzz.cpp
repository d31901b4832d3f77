// SPDX-License-Identifier: Apache-2.0
// Input: a stream as RESTORE takes it, its type byte first. Whatever is taken can be read from both
// ends, copied, dumped and restored as the same, and changed.
#include <string>
#include <vector>

#include "storage/engine/stream_handle.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"
#include "tests/fuzz/fuzz_check.h"

namespace {

using namespace slotway::storage;

constexpr std::int64_t kNow = 1'700'000'000'000;
constexpr KeyRef kKey{slotway::protocol::Slot{1}, "key"};
constexpr KeyRef kTwin{slotway::protocol::Slot{1}, "twin"};

std::vector<StreamId> Ids(const StreamValue& stream) {
  std::vector<StreamId> ids;
  stream.Visit({}, StreamId::Max(),
               [&ids](const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
                 reader.ForEachField(entry, [](std::string_view, std::string_view) {});
                 ids.push_back(entry.id);
                 return true;
               });
  return ids;
}

void CheckOrder(const StreamValue& stream) {
  const std::vector<StreamId> ids = Ids(stream);
  FUZZ_CHECK(ids.size() == stream.Length());
  std::size_t left = ids.size();
  stream.VisitBackwards({}, StreamId::Max(),
                        [&](const StreamNodeReader&, const StreamNodeReader::Entry& entry) {
                          FUZZ_CHECK(left > 0 && entry.id == ids[--left]);
                          FUZZ_CHECK(left == 0 || ids[left - 1] < entry.id);
                          return true;
                        });
  FUZZ_CHECK(left == 0);
  for (const auto& [name, group] : stream.groups()) {
    stream.LagOf(*group);
    std::size_t owned = 0;
    for (const auto& [consumer_name, consumer] : group->consumers()) {
      owned += consumer->pending.Size();
    }
    FUZZ_CHECK(owned == group->pending().Size());
  }
}

void Change(StreamValue& stream) {
  const std::vector<StreamId> ids = Ids(stream);
  for (std::size_t i = 0; i < ids.size(); i += 2) FUZZ_CHECK(stream.Delete(ids[i]));
  CheckOrder(stream);
  const std::string_view pairs[] = {"field", "value", "7", "8"};
  if (const auto next = stream.counters().last_id.Next()) {
    stream.Append(*next, pairs, {});
    FUZZ_CHECK(stream.LastEntryId() == next);
    StreamTrim trim{.kind = StreamTrim::Kind::kMinId, .id_min = *next};
    stream.Trim(trim);
    FUZZ_CHECK(stream.Length() == 1);
    trim = {.kind = StreamTrim::Kind::kMaxLength};
    stream.Trim(trim);
    FUZZ_CHECK(stream.Length() == 0);
  }
  CheckOrder(stream);
  std::vector<std::string> names;
  for (const auto& [name, group] : stream.groups()) names.push_back(name);
  for (const std::string& name : names) FUZZ_CHECK(stream.RemoveGroup(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr unsigned kTypes[] = {19, 15, 21};
  std::string_view input = slotway::fuzz::AsText(data, size);
  unsigned type = slotway::fuzz::TakeByte(input);
  if (type != 15 && type != 19 && type != 21) type = kTypes[type % 3];
  std::string payload(1, static_cast<char>(type));
  payload.append(input).append(10, '\0');  // a footer, not looked at

  RecordArena arena;
  Keyspace keyspace(arena, {.hash_seed = 1});
  const ValueLimits limits;
  const RestoreTarget target{keyspace, kKey, limits, kNow};
  if (RestoreValue(payload, target) != RestoreResult::kDone) return 0;
  const Entry entry = keyspace.Find(kKey.slot, kKey.key, kNow);
  StreamHandle stream(keyspace, entry);
  CheckOrder(stream.stream());
  const auto dump = DumpValue(keyspace, entry);
  FUZZ_CHECK(RestoreValue(dump, {keyspace, kTwin, limits, kNow}) == RestoreResult::kDone);
  const Entry twin = keyspace.Find(kTwin.slot, kTwin.key, kNow);
  FUZZ_CHECK(DumpValue(keyspace, twin) == dump);
  const auto clone = stream.stream().Clone();
  FUZZ_CHECK(Ids(static_cast<const StreamValue&>(*clone)) == Ids(stream.stream()));
  stream.Change(Change);
  return 0;
}
