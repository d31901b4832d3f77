// SPDX-License-Identifier: Apache-2.0
// A stream: entries in listpack nodes, in the order of their ids, and its consumer groups.
//
//   nodes:   id of the first entry -> listpack (types/stream_node.h)
//   groups:  name -> group (types/stream_group.h)
//
// An entry that is deleted stays in its node, marked, until the node has no other left; trimming
// may leave a node of marked entries only. Source of the counters' meaning (entries added, the
// greatest deleted id, lag): the documentation of XINFO STREAM and XINFO GROUPS. One thread only;
// views end with the next change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/types/id_map.h"
#include "storage/types/stream_group.h"
#include "storage/types/stream_id.h"
#include "storage/types/stream_node.h"
#include "storage/types/value_limits.h"
#include "storage/types/value_object.h"

namespace slotway::storage {

// Which entries XADD and XTRIM remove.
struct StreamTrim {
  enum class Kind : std::uint8_t { kNone, kMaxLength, kMinId };

  Kind kind = Kind::kNone;
  bool is_approximate = false;   // whole nodes only
  std::uint64_t length_max = 0;  // kMaxLength
  StreamId id_min = {};          // kMinId
  std::uint64_t limit = 0;       // entries to remove at the most; 0: no limit
};

class StreamValue final : public ValueObject {
 public:
  using Nodes = IdMap<Listpack>;
  using Groups = std::map<std::string, std::unique_ptr<StreamGroup>, std::less<>>;

  // What is known beside entries and groups.
  struct Counters {
    StreamId first_id;        // 0-0 when empty
    StreamId last_id;         // the greatest ever
    StreamId max_deleted_id;  // of those removed by id
    std::uint64_t entries_added = 0;
  };

  StreamValue() : nodes_(account_) {}

  std::size_t MemoryBytes() const override {
    return sizeof *this + account_.bytes + node_bytes_ + group_bytes_;
  }
  std::size_t ElementCount() const override { return account_.entries; }
  std::size_t FreeSome(std::size_t max_elements) override;
  std::unique_ptr<ValueObject> Clone() const override;

  std::uint64_t Length() const { return length_; }
  const Counters& counters() const { return counters_; }
  Counters& counters() { return counters_; }
  const Nodes& nodes() const { return nodes_; }
  const Groups& groups() const { return groups_; }

  // ---- Entries ----

  // REQUIRES: `id` is greater than counters().last_id; pairs are field, value, field, value, ...
  void Append(StreamId id, std::span<const std::string_view> pairs, const StreamLimits& limits);
  // Returns how many entries were removed.
  std::uint64_t Trim(const StreamTrim& trim);
  // False when there is no such entry.
  bool Delete(StreamId id);
  bool Contains(StreamId id) const;
  // The entry with the greatest id; nothing when there is none.
  std::optional<StreamId> LastEntryId() const;

  // visit(const StreamNodeReader&, const StreamNodeReader::Entry&) for entries from `first` to
  // `last`, both included, until it returns false.
  template <class VisitFn>
  void Visit(StreamId first, StreamId last, VisitFn&& visit) const;
  // The same from the last to the first.
  template <class VisitFn>
  void VisitBackwards(StreamId first, StreamId last, VisitFn&& visit) const;

  // A node that others made, behind all others, with so many entries that are not deleted.
  void AppendNode(StreamId node_id, Listpack node, std::uint64_t live);
  // From the entries; files of old versions do not have it.
  void FindFirstId();

  // ---- Groups ----

  // nullptr when there is none.
  StreamGroup* FindGroup(std::string_view name) const;
  // nullptr when there is one of that name already.
  StreamGroup* AddGroup(std::string_view name, StreamId last_delivered, std::int64_t entries_read);
  bool RemoveGroup(std::string_view name);

  // How many entries were ever added up to the one with this id, as far as that is known; else
  // StreamGroup::kUnknownEntriesRead.
  std::int64_t EntriesReadAt(StreamId id) const;
  // Whether an entry at or behind this id may have been removed by its id.
  bool HasHolesFrom(StreamId id) const;
  // How many entries a group has still to read, as far as that is known.
  std::optional<std::int64_t> LagOf(const StreamGroup& group) const;
  // To be called when a group has read the entry with this id.
  void NoteRead(StreamGroup& group, StreamId id) const;

 private:
  // change(Listpack&); keeps the sum of the nodes' bytes.
  template <class ChangeFn>
  void ChangeNode(Nodes::Cursor at, ChangeFn&& change);
  void EraseNode(Nodes::Cursor at);
  bool IsFull(const Listpack& node, StreamId node_id, std::size_t more_bytes,
              const StreamLimits& limits) const;
  // The node that an id would be in; End() when it is before all.
  Nodes::Cursor NodeFor(StreamId id) const { return nodes_.AtOrBefore(id); }
  static std::size_t BytesOfGroup(std::string_view name) {
    return sizeof(StreamGroup) + sizeof(Groups::value_type) + name.size() + 4 * sizeof(void*);
  }

  IdMapAccount account_;
  Nodes nodes_;
  Groups groups_;
  std::size_t node_bytes_ = 0;
  std::size_t group_bytes_ = 0;
  std::uint64_t length_ = 0;
  Counters counters_;
};

template <class VisitFn>
void StreamValue::Visit(StreamId first, StreamId last, VisitFn&& visit) const {
  Nodes::Cursor node = NodeFor(first);
  if (node == nodes_.End()) node = nodes_.Begin();
  for (; node != nodes_.End(); node.Next()) {
    if (node.id() > last) return;
    const StreamNodeReader reader(node.id(), node.value().bytes());
    for (std::size_t at = reader.Begin(); at != reader.End();) {
      const StreamNodeReader::Entry entry = reader.At(at);
      if (entry.id > last) return;
      if (entry.id >= first && !entry.is_deleted && !visit(reader, entry)) return;
      at = reader.Next(entry);
    }
  }
}

template <class VisitFn>
void StreamValue::VisitBackwards(StreamId first, StreamId last, VisitFn&& visit) const {
  Nodes::Cursor node = NodeFor(last);
  while (node != nodes_.End()) {
    const StreamNodeReader reader(node.id(), node.value().bytes());
    for (std::size_t at = reader.End(); at != reader.Begin();) {
      at = reader.Previous(at);
      const StreamNodeReader::Entry entry = reader.At(at);
      if (entry.id < first) return;
      if (entry.id <= last && !entry.is_deleted && !visit(reader, entry)) return;
    }
    if (node == nodes_.Begin()) return;
    node.Previous();
  }
}

}  // namespace slotway::storage
