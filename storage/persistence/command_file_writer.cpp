// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/command_file_writer.h"

#include <algorithm>

#include "storage/engine/hash_handle.h"
#include "storage/engine/list_handle.h"
#include "storage/engine/set_handle.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/engine/stream_handle.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kElementsPerCommand = 64;

}  // namespace

class CommandFileWriter::Elements {
 public:
  Elements(CommandFileWriter& writer, std::string_view command, std::string_view key,
           std::size_t count, std::size_t words_of_each)
      : writer_(writer), command_(command), key_(key), left_(count), words_(words_of_each) {}

  void Next() {
    if (left_in_command_ == 0) {
      left_in_command_ = std::min(left_, kElementsPerCommand);
      writer_.BeginCommand(2 + left_in_command_ * words_);
      writer_.Word(command_);
      writer_.Word(key_);
    }
    --left_in_command_;
    --left_;
  }

 private:
  CommandFileWriter& writer_;
  std::string_view command_;
  std::string_view key_;
  std::size_t left_;
  std::size_t words_;
  std::size_t left_in_command_ = 0;
};

void CommandFileWriter::BeginCommand(std::size_t words) {
  if (buffer_.size() >= RdbWriter::kChunkBytes) {
    sink_.Take(buffer_);
    buffer_.clear();
  }
  writer_.Array(words);
}

void CommandFileWriter::Command(std::initializer_list<std::string_view> words) {
  BeginCommand(words.size());
  for (const std::string_view word : words) Word(word);
}

void CommandFileWriter::Begin() {
  if (noted_time_s_ == 0) return;
  buffer_ += "#TS:" + std::to_string(noted_time_s_) + "\r\n";  // wire: a note of the log
}

void CommandFileWriter::Function(std::string_view library) {
  Command({"FUNCTION", "LOAD", library});
}

void CommandFileWriter::End() {
  if (!buffer_.empty()) sink_.Take(buffer_);
  buffer_.clear();
}

void CommandFileWriter::Select(int db_index) {
  if (db_index == selected_db_) return;
  selected_db_ = db_index;
  Command({"SELECT", std::to_string(db_index)});
}

void CommandFileWriter::ExpireAt(std::string_view key, std::optional<std::int64_t> at_ms) {
  if (at_ms) Command({"PEXPIREAT", key, std::to_string(*at_ms)});
}

void CommandFileWriter::Element(const ValueElement& element) {
  const bool is_sorted_set = value_->type == ValueType::kZset;
  if (is_sorted_set) {
    char digits[32];
    gathered_.emplace_back(protocol::FormatDouble(element.score, digits));
  }
  gathered_.emplace_back(element.name);
  if (value_->type == ValueType::kHash) gathered_.emplace_back(element.value);
  const std::size_t words_of_each = value_->type == ValueType::kSet ? 1 : 2;
  if (gathered_.size() == kElementsPerCommand * words_of_each) WriteGathered();
}

void CommandFileWriter::WriteGathered() {
  if (gathered_.empty()) return;
  Select(value_->db_index);
  BeginCommand(2 + gathered_.size());
  Word(value_->type == ValueType::kHash   ? "HMSET"
       : value_->type == ValueType::kZset ? "ZADD"
                                          : "SADD");
  Word(value_->key);
  for (const std::string& word : gathered_) Word(word);
  gathered_.clear();
}

void CommandFileWriter::EndValue() {
  WriteGathered();
  Select(value_->db_index);
  ExpireAt(value_->key, value_->expire_at_ms);
  ++keys_written_;
  value_ = nullptr;
}

void CommandFileWriter::Key(int db_index, Keyspace& keyspace, const Entry& entry,
                            const RdbAccess&) {
  Select(db_index);
  switch (entry.type()) {
    case ValueType::kString: {
      NumberText digits;
      Command({"SET", entry.key(), StringText(entry, digits)});
      break;
    }
    case ValueType::kHash:
      Hash(keyspace, entry);
      break;
    case ValueType::kList:
      List(keyspace, entry);
      break;
    case ValueType::kSet:
      Set(keyspace, entry);
      break;
    case ValueType::kZset:
      SortedSet(keyspace, entry);
      break;
    case ValueType::kStream:
      Stream(keyspace, entry);
      break;
  }
  ExpireAt(entry.key(), entry.expire_at_ms());
  ++keys_written_;
}

void CommandFileWriter::Hash(Keyspace& keyspace, const Entry& entry) {
  const HashHandle hash(keyspace, entry);
  Elements elements(*this, "HMSET", entry.key(), hash.Size(), 2);
  hash.ForEach([&](std::string_view field, std::string_view value) {
    elements.Next();
    Word(field);
    Word(value);
  });
}

void CommandFileWriter::List(Keyspace& keyspace, const Entry& entry) {
  const ListHandle list(keyspace, entry);
  Elements elements(*this, "RPUSH", entry.key(), list.Size(), 1);
  NumberText digits;
  for (auto at = list.Begin(); !list.IsEnd(at); at = list.Next(at)) {
    elements.Next();
    Word(list.At(at).Text(digits));
  }
}

void CommandFileWriter::Set(Keyspace& keyspace, const Entry& entry) {
  const SetHandle set(keyspace, entry);
  Elements elements(*this, "SADD", entry.key(), set.Size(), 1);
  set.ForEach([&](std::string_view member) {
    elements.Next();
    Word(member);
  });
}

void CommandFileWriter::SortedSet(Keyspace& keyspace, const Entry& entry) {
  const SortedSetHandle set(keyspace, entry);
  Elements elements(*this, "ZADD", entry.key(), set.Size(), 2);
  set.ForEach([&](const ScoredMember& item) {
    char digits[32];
    elements.Next();
    Word(protocol::FormatDouble(item.score, digits));
    Word(item.member);
  });
}

void CommandFileWriter::Stream(Keyspace& keyspace, const Entry& entry) {
  const StreamHandle handle(keyspace, entry);
  const StreamValue& stream = handle.stream();
  const StreamValue::Counters& counters = stream.counters();
  const std::string_view key = entry.key();
  StreamIdText text;
  stream.Visit({}, StreamId::Max(),
               [&](const StreamNodeReader& node, const StreamNodeReader::Entry& item) {
                 BeginCommand(3 + 2 * item.field_count);
                 Word("XADD");
                 Word(key);
                 Word(text.Print(item.id));
                 node.ForEachField(item, [this](std::string_view field, std::string_view value) {
                   Word(field);
                   Word(value);
                 });
                 return true;
               });
  // One that is trimmed at once leaves a stream without entries.
  if (stream.Length() == 0) {
    const StreamId id = counters.last_id.IsZero() ? StreamId{0, 1} : counters.last_id;
    Command({"XADD", key, "MAXLEN", "0", text.Print(id), "x", "y"});
  }
  StreamIdText deleted;
  Command({"XSETID", key, text.Print(counters.last_id), "ENTRIESADDED",
           std::to_string(counters.entries_added), "MAXDELETEDID",
           deleted.Print(counters.max_deleted_id)});
  for (const auto& [name, group] : stream.groups()) Group(key, name, *group);
}

void CommandFileWriter::Group(std::string_view key, std::string_view name,
                              const StreamGroup& group) {
  StreamIdText text;
  Command({"XGROUP", "CREATE", key, name, text.Print(group.last_delivered), "ENTRIESREAD",
           std::to_string(group.entries_read)});
  for (const auto& [consumer, unused] : group.consumers()) {
    Command({"XGROUP", "CREATECONSUMER", key, name, consumer});
  }
  for (auto at = group.pending().Begin(); at != group.pending().End(); at.Next()) {
    const PendingEntry& pending = at.value();
    Command({"XCLAIM", key, name, pending.consumer->name, "0", text.Print(at.id()), "TIME",
             std::to_string(pending.delivered_ms), "RETRYCOUNT", std::to_string(pending.deliveries),
             "JUSTID", "FORCE"});
  }
}

}  // namespace slotway::storage
