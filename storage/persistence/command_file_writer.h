// SPDX-License-Identifier: Apache-2.0
// Writes data as the commands that make it, as Redis does where aof-use-rdb-preamble is off.
//
// What commands cannot say is lost, as it is in Redis: when a key was used, what is pending for a
// consumer and was deleted from its stream, and when consumers were seen. One thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/persistence/rdb_format.h"
#include "storage/persistence/snapshot_writer.h"

namespace slotway::storage {

class StreamGroup;
struct StreamId;

class CommandFileWriter final : public SnapshotWriter {
 public:
  // `sink` must outlive the writer. A note of this time stands in front, unless it is 0.
  CommandFileWriter(RdbSink& sink, std::int64_t noted_time_s)
      : sink_(sink), noted_time_s_(noted_time_s) {}

  void Begin() override;
  // Comes with RDB files only.
  void Aux(std::string_view, std::string_view) override {}
  void Function(std::string_view library) override;
  void ResizeDb(int, std::uint64_t, std::uint64_t) override {}
  void Key(int db_index, Keyspace& keyspace, const Entry& entry, const RdbAccess& access) override;
  void BeginValue(const SnapshotValue& value) override { value_ = &value; }
  void Element(const ValueElement& element) override;
  void EndValue() override;
  void End() override;
  std::uint64_t KeysWritten() const override { return keys_written_; }

 private:
  // Elements of a value, some to a command: call Next() in front of the words of each.
  class Elements;

  void Command(std::initializer_list<std::string_view> words);
  void Select(int db_index);
  void ExpireAt(std::string_view key, std::optional<std::int64_t> at_ms);
  // Writes the elements of the large value that have gathered.
  void WriteGathered();
  void BeginCommand(std::size_t words);
  void Word(std::string_view text) { writer_.Bulk(text); }
  void Hash(Keyspace& keyspace, const Entry& entry);
  void List(Keyspace& keyspace, const Entry& entry);
  void Set(Keyspace& keyspace, const Entry& entry);
  void SortedSet(Keyspace& keyspace, const Entry& entry);
  void Stream(Keyspace& keyspace, const Entry& entry);
  void Group(std::string_view key, std::string_view name, const StreamGroup& group);

  RdbSink& sink_;
  std::int64_t noted_time_s_;
  std::string buffer_;
  protocol::StringSink out_{buffer_};
  protocol::RespWriter<protocol::StringSink> writer_{out_, protocol::RespVersion::kResp2};
  const SnapshotValue* value_ = nullptr;  // that is being written
  std::vector<std::string> gathered_;     // words of its elements
  int selected_db_ = -1;
  std::uint64_t keys_written_ = 0;
};

}  // namespace slotway::storage
