// SPDX-License-Identifier: Apache-2.0
#include "storage/types/stream_value.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {

// ---- The whole ----

std::size_t StreamValue::FreeSome(std::size_t max_elements) {
  std::size_t freed = 0;
  while (freed < max_elements && !nodes_.IsEmpty()) freed += nodes_.FreeLastBlock();
  node_bytes_ = nodes_.IsEmpty() ? 0 : node_bytes_;
  while (freed < max_elements && !groups_.empty()) {
    const auto group = groups_.begin();
    const std::size_t freed_of_group = group->second->FreeSome();
    freed += std::max<std::size_t>(freed_of_group, 1);
    if (freed_of_group == 0) RemoveGroup(group->first);
  }
  return freed;
}

std::unique_ptr<ValueObject> StreamValue::Clone() const {
  auto copy = std::make_unique<StreamValue>();
  for (auto at = nodes_.Begin(); at != nodes_.End(); at.Next()) {
    copy->AppendNode(at.id(), Listpack(at.value().bytes()), 0);
  }
  copy->length_ = length_;
  copy->counters_ = counters_;
  for (const auto& [name, group] : groups_) {
    copy->groups_.emplace(name, group->Clone(copy->account_));
    copy->group_bytes_ += BytesOfGroup(name);
  }
  return copy;
}

// ---- Nodes ----

template <class ChangeFn>
void StreamValue::ChangeNode(Nodes::Cursor at, ChangeFn&& change) {
  Listpack& node = at.value();
  node_bytes_ -= node.Capacity();
  change(node);
  node_bytes_ += node.Capacity();
}

void StreamValue::EraseNode(Nodes::Cursor at) {
  node_bytes_ -= at.value().Capacity();
  nodes_.Erase(at);
}

void StreamValue::AppendNode(StreamId node_id, Listpack node, std::uint64_t live) {
  node_bytes_ += node.Capacity();
  length_ += live;
  nodes_.Insert(node_id, std::move(node));
}

bool StreamValue::IsFull(const Listpack& node, StreamId node_id, std::size_t more_bytes,
                         const StreamLimits& limits) const {
  std::size_t bytes_max = limits.node_bytes_max;
  if (bytes_max == 0 || bytes_max > kStreamNodeBytesMax) bytes_max = kStreamNodeBytesMax;
  if (node.bytes().size() + more_bytes >= bytes_max) return true;
  if (limits.node_entries_max == 0) return false;
  const StreamNodeReader reader(node_id, node.bytes());
  return reader.LiveCount() + reader.DeletedCount() >= limits.node_entries_max;
}

// ---- Entries ----

void StreamValue::Append(StreamId id, std::span<const std::string_view> pairs,
                         const StreamLimits& limits) {
  std::size_t bytes = 0;
  for (std::string_view text : pairs) bytes += text.size();
  Nodes::Cursor last = nodes_.End();
  if (!nodes_.IsEmpty()) last.Previous();
  if (nodes_.IsEmpty() || IsFull(last.value(), last.id(), bytes, limits)) {
    // The node that was the last one grows no more.
    if (!nodes_.IsEmpty()) ChangeNode(last, [](Listpack& node) { node.ShrinkToFit(); });
    AppendNode(id, MakeStreamNode(pairs), 1);
  } else {
    ChangeNode(last, [&](Listpack& node) { AppendStreamEntry(node, last.id(), id, pairs); });
    ++length_;
  }
  ++counters_.entries_added;
  counters_.last_id = id;
  if (length_ == 1) counters_.first_id = id;
}

std::uint64_t StreamValue::Trim(const StreamTrim& trim) {
  if (trim.kind == StreamTrim::Kind::kNone) return 0;
  const bool by_length = trim.kind == StreamTrim::Kind::kMaxLength;
  std::uint64_t removed = 0;
  while (!nodes_.IsEmpty() && !(by_length && length_ <= trim.length_max)) {
    const Nodes::Cursor first = nodes_.Begin();
    const StreamNodeReader reader(first.id(), first.value().bytes());
    const auto live = static_cast<std::uint64_t>(reader.LiveCount());
    if (trim.limit != 0 && removed + live > trim.limit) break;
    const bool goes_whole = by_length ? length_ - live >= trim.length_max
                                      : reader.At(reader.Previous(reader.End())).id < trim.id_min;
    if (goes_whole) {
      EraseNode(first);
      length_ -= live;
      removed += live;
      continue;
    }
    if (trim.is_approximate) break;
    std::uint64_t left = by_length ? length_ - trim.length_max : 0;
    ChangeNode(first, [&](Listpack& node) {
      removed += static_cast<std::uint64_t>(MarkStreamEntries(
          node, first.id(), [&](const StreamNodeReader::Entry& entry) {
            if (!by_length) return entry.id < trim.id_min;
            if (left == 0) return false;
            if (!entry.is_deleted) --left;
            return true;
          }));
    });
    length_ -= live - static_cast<std::uint64_t>(
                          StreamNodeReader(first.id(), first.value().bytes()).LiveCount());
    break;
  }
  if (removed > 0) FindFirstId();
  return removed;
}

bool StreamValue::Delete(StreamId id) {
  const Nodes::Cursor at = NodeFor(id);
  if (at == nodes_.End()) return false;
  const StreamNodeReader reader(at.id(), at.value().bytes());
  std::optional<StreamNodeReader::Entry> found;
  for (std::size_t offset = reader.Begin(); offset != reader.End() && !found;) {
    const StreamNodeReader::Entry entry = reader.At(offset);
    if (entry.id > id) return false;
    if (entry.id == id && entry.is_deleted) return false;
    if (entry.id == id) found = entry;
    offset = reader.Next(entry);
  }
  if (!found) return false;
  if (reader.LiveCount() == 1) {
    EraseNode(at);
  } else {
    ChangeNode(at, [&](Listpack& node) { MarkStreamEntry(node, *found); });
  }
  --length_;
  counters_.max_deleted_id = std::max(counters_.max_deleted_id, id);
  if (length_ == 0 || id == counters_.first_id) FindFirstId();
  return true;
}

bool StreamValue::Contains(StreamId id) const {
  bool is_there = false;
  Visit(id, id, [&](const StreamNodeReader&, const StreamNodeReader::Entry&) {
    is_there = true;
    return false;
  });
  return is_there;
}

std::optional<StreamId> StreamValue::LastEntryId() const {
  std::optional<StreamId> last;
  VisitBackwards({}, StreamId::Max(), [&](const StreamNodeReader&,
                                          const StreamNodeReader::Entry& entry) {
    last = entry.id;
    return false;
  });
  return last;
}

void StreamValue::FindFirstId() {
  counters_.first_id = {};
  Visit({}, StreamId::Max(), [&](const StreamNodeReader&, const StreamNodeReader::Entry& entry) {
    counters_.first_id = entry.id;
    return false;
  });
}

// ---- Groups ----

StreamGroup* StreamValue::FindGroup(std::string_view name) const {
  const auto found = groups_.find(name);
  return found != groups_.end() ? found->second.get() : nullptr;
}

StreamGroup* StreamValue::AddGroup(std::string_view name, StreamId last_delivered,
                                   std::int64_t entries_read) {
  if (FindGroup(name) != nullptr) return nullptr;
  auto added = std::make_unique<StreamGroup>(last_delivered, entries_read, account_);
  StreamGroup* group = added.get();
  groups_.emplace(std::string(name), std::move(added));
  group_bytes_ += BytesOfGroup(name);
  return group;
}

bool StreamValue::RemoveGroup(std::string_view name) {
  const auto found = groups_.find(name);
  if (found == groups_.end()) return false;
  group_bytes_ -= BytesOfGroup(found->first);
  groups_.erase(found);
  return true;
}

std::int64_t StreamValue::EntriesReadAt(StreamId id) const {
  const auto added = static_cast<std::int64_t>(counters_.entries_added);
  const auto length = static_cast<std::int64_t>(length_);
  if (added == 0 || id == counters_.last_id) return added;
  if (id > counters_.last_id) return StreamGroup::kUnknownEntriesRead;
  if (length_ == 0) return added;
  if (counters_.max_deleted_id.IsZero() || counters_.max_deleted_id < counters_.first_id) {
    if (id < counters_.first_id) return added - length;
    if (id == counters_.first_id) return added - length + 1;
  }
  return StreamGroup::kUnknownEntriesRead;
}

bool StreamValue::HasHolesFrom(StreamId id) const {
  const StreamId deleted = counters_.max_deleted_id;
  if (length_ == 0 || deleted.IsZero() || counters_.first_id > deleted) return false;
  return id <= deleted;
}

std::optional<std::int64_t> StreamValue::LagOf(const StreamGroup& group) const {
  const auto added = static_cast<std::int64_t>(counters_.entries_added);
  if (added == 0) return 0;
  if (group.entries_read != StreamGroup::kUnknownEntriesRead &&
      !HasHolesFrom(group.last_delivered)) {
    return added - group.entries_read;
  }
  const std::int64_t read = EntriesReadAt(group.last_delivered);
  if (read == StreamGroup::kUnknownEntriesRead) return std::nullopt;
  return added - read;
}

void StreamValue::NoteRead(StreamGroup& group, StreamId id) const {
  if (id <= group.last_delivered) return;
  if (group.entries_read != StreamGroup::kUnknownEntriesRead && !HasHolesFrom(id)) {
    ++group.entries_read;
  } else if (counters_.entries_added != 0) {
    group.entries_read = EntriesReadAt(id);
  }
  group.last_delivered = id;
}

}  // namespace slotway::storage
