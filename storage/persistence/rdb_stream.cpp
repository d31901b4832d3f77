// SPDX-License-Identifier: Apache-2.0
// Streams in RDB's form: type 15 before Redis 7.0, type 19 since, type 21 since 7.2. Numbers are
// lengths, ids in one piece are 16 bytes, big endian; times are 8 bytes, little endian.
//
//   nodes: count, each its id as a string and its listpack as a string
//   entries, last id; 19, 21: first id, greatest deleted id, entries added
//   groups: count, each: name, last delivered id; 19, 21: entries read;
//     pending: count, each: id, time, deliveries
//     consumers: count, each: name, seen time; 21: active time; pending: count, each: id
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "storage/engine/stream_handle.h"
#include "storage/persistence/rdb_value.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kIdBytes = 16;

// Since when consumers have an active time.
constexpr int kActiveTimeVersion = 11;

void AppendBigEndian(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

std::string RawId(StreamId id) {
  std::string raw;
  AppendBigEndian(raw, id.ms);
  AppendBigEndian(raw, id.seq);
  return raw;
}

std::uint64_t BigEndian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (const char byte : bytes) number = number << 8 | static_cast<std::uint8_t>(byte);
  return number;
}

// REQUIRES: 16 bytes.
StreamId IdFromRaw(std::string_view raw) {
  return {BigEndian(raw.substr(0, 8)), BigEndian(raw.substr(8))};
}

// ---- Writing ----

void WriteId(RdbWriter& writer, StreamId id) {
  writer.Length(id.ms);
  writer.Length(id.seq);
}

void WriteTime(RdbWriter& writer, std::int64_t time_ms) {
  writer.LittleEndian(static_cast<std::uint64_t>(time_ms), 8);
}

void WriteGroup(RdbWriter& writer, const std::string& name, const StreamGroup& group) {
  writer.String(name);
  WriteId(writer, group.last_delivered);
  writer.Length(static_cast<std::uint64_t>(group.entries_read));
  writer.Length(group.pending().Size());
  for (auto at = group.pending().Begin(); at != group.pending().End(); at.Next()) {
    writer.Raw(RawId(at.id()));
    WriteTime(writer, at.value().delivered_ms);
    writer.Length(at.value().deliveries);
  }
  writer.Length(group.consumers().size());
  for (const auto& [consumer_name, consumer] : group.consumers()) {
    writer.String(consumer_name);
    WriteTime(writer, consumer->seen_ms);
    if (writer.version() >= kActiveTimeVersion) WriteTime(writer, consumer->active_ms);
    writer.Length(consumer->pending.Size());
    for (auto at = consumer->pending.Begin(); at != consumer->pending.End(); at.Next()) {
      writer.Raw(RawId(at.id()));
    }
  }
}

// ---- Reading ----

class StreamReader {
 public:
  StreamReader(RdbReader& reader, RdbType type) : reader_(reader), type_(type) {}

  // nullptr unless all of it is good.
  std::unique_ptr<StreamValue> Read() {
    const bool is_good = ReadNodes() && ReadCounters() && ReadGroups();
    return is_good && reader_.Ok() && reader_.AtEnd() ? std::move(stream_) : nullptr;
  }

 private:
  bool HasCounters() const { return type_ != RdbType::kStreamListpacks; }

  StreamId Id() {
    const std::uint64_t ms = reader_.Length();
    return {ms, reader_.Length()};
  }
  StreamId PendingId() {
    const std::string_view raw = reader_.Raw(kIdBytes);
    return reader_.Ok() ? IdFromRaw(raw) : StreamId{};
  }
  std::int64_t Time() { return static_cast<std::int64_t>(reader_.LittleEndian(8)); }
  // How many of something follow. Each takes `bytes_min` at least: a count beyond is a lie.
  bool Count(std::size_t bytes_min, std::uint64_t& count) {
    count = reader_.Length();
    return reader_.Ok() && count <= reader_.BytesLeft() / bytes_min;
  }

  bool ReadNodes() {
    std::uint64_t count = 0;
    if (!Count(kIdBytes, count)) return false;
    std::string raw_id;
    std::string bytes;
    for (; count > 0; --count) {
      reader_.String(raw_id);
      reader_.String(bytes);
      if (!reader_.Ok() || raw_id.size() != kIdBytes) return false;
      const StreamId node_id = IdFromRaw(raw_id);
      const auto summary = InspectStreamNode(node_id, bytes);
      const bool is_behind = stream_->nodes().IsEmpty() || last_entry_ < node_id;
      if (!summary || !is_behind) return false;
      last_entry_ = summary->last;
      stream_->AppendNode(node_id, Listpack(bytes), summary->live);
    }
    return true;
  }

  bool ReadCounters() {
    StreamValue::Counters& counters = stream_->counters();
    const std::uint64_t length = reader_.Length();
    counters.last_id = Id();
    if (HasCounters()) {
      counters.first_id = Id();
      counters.max_deleted_id = Id();
      counters.entries_added = reader_.Length();
    } else {
      counters.entries_added = length;
      stream_->FindFirstId();
    }
    return reader_.Ok() && length == stream_->Length() && last_entry_ <= counters.last_id;
  }

  bool ReadGroups() {
    std::uint64_t count = 0;
    if (!Count(5, count)) return false;
    for (; count > 0; --count) {
      if (!ReadGroup()) return false;
    }
    return true;
  }

  bool ReadGroup() {
    std::string name;
    reader_.String(name);
    const StreamId last_delivered = Id();
    if (!reader_.Ok()) return false;
    const std::int64_t entries_read = HasCounters() ? static_cast<std::int64_t>(reader_.Length())
                                                    : stream_->EntriesReadAt(last_delivered);
    StreamGroup* group = stream_->AddGroup(name, last_delivered, entries_read);
    std::uint64_t pending_count = 0;
    if (group == nullptr || !Count(kIdBytes + 9, pending_count)) return false;
    for (std::uint64_t i = 0; i < pending_count; ++i) {
      const StreamId id = PendingId();
      const std::int64_t delivered_ms = Time();
      const std::uint64_t deliveries = reader_.Length();
      if (!reader_.Ok() || !group->AddUnowned(id, delivered_ms, deliveries)) return false;
    }
    std::uint64_t consumer_count = 0;
    if (!Count(10, consumer_count)) return false;
    std::uint64_t owned_count = 0;
    for (; consumer_count > 0; --consumer_count) {
      if (!ReadConsumer(*group, owned_count)) return false;
    }
    return owned_count == pending_count;  // everything is with somebody
  }

  bool ReadConsumer(StreamGroup& group, std::uint64_t& owned_count) {
    std::string name;
    reader_.String(name);
    const std::int64_t seen_ms = Time();
    const std::int64_t active_ms = type_ == RdbType::kStreamListpacks3 ? Time() : seen_ms;
    std::uint64_t pending_count = 0;
    if (!reader_.Ok() || group.FindConsumer(name) != nullptr || !Count(kIdBytes, pending_count)) {
      return false;
    }
    StreamConsumer& consumer = group.AddConsumer(name, seen_ms);
    consumer.active_ms = active_ms;
    owned_count += pending_count;
    for (; pending_count > 0; --pending_count) {
      const StreamId id = PendingId();
      PendingEntry* entry = reader_.Ok() ? group.FindPending(id) : nullptr;
      if (entry == nullptr || entry->consumer != nullptr) return false;
      group.GiveTo(id, *entry, consumer);
    }
    return true;
  }

  RdbReader& reader_;
  RdbType type_;
  std::unique_ptr<StreamValue> stream_ = std::make_unique<StreamValue>();
  StreamId last_entry_;  // deleted ones count, too
};

}  // namespace

void WriteRdbStream(RdbWriter& writer, Keyspace& keyspace, const Entry& entry) {
  const StreamHandle handle(keyspace, entry);
  const StreamValue& stream = handle.stream();
  const StreamValue::Counters& counters = stream.counters();
  const bool has_active_times = writer.version() >= kActiveTimeVersion;
  writer.Type(has_active_times ? RdbType::kStreamListpacks3 : RdbType::kStreamListpacks2);
  writer.Length(stream.nodes().Size());
  for (auto at = stream.nodes().Begin(); at != stream.nodes().End(); at.Next()) {
    writer.String(RawId(at.id()));
    writer.String(at.value().bytes());
  }
  writer.Length(stream.Length());
  WriteId(writer, counters.last_id);
  WriteId(writer, counters.first_id);
  WriteId(writer, counters.max_deleted_id);
  writer.Length(counters.entries_added);
  writer.Length(stream.groups().size());
  for (const auto& [name, group] : stream.groups()) WriteGroup(writer, name, *group);
}

RestoreResult ReadRdbStream(RdbType type, RdbReader& reader, const RestoreTarget& target) {
  auto stream = StreamReader(reader, type).Read();
  if (stream == nullptr) return RestoreResult::kBadData;
  StreamHandle::Store(target.keyspace, target.key, std::move(stream), target.now_ms);
  return RestoreResult::kDone;
}

}  // namespace slotway::storage
