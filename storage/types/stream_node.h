// SPDX-License-Identifier: Apache-2.0
// Some entries of a stream in one listpack, as Redis lays them out.
//
//   head:   live entries | deleted entries | fields | field 1 ... field n | 0
//   entry:  flags | ms | seq | (fields | field 1 | value 1 | ...) or (value 1 ... value n) | pieces
//
// Ids are differences to the node's own id, which is kept beside it. Flag 1: the entry is deleted
// (its bytes stay until the whole node goes). Flag 2: it has the fields of the head, so only values
// follow. `pieces` is how many elements of the entry stand before it: the way backwards; the 0 at
// the head's end stops there. The same bytes are in RDB files and DUMP payloads: nodes from outside
// must pass InspectStreamNode first. Pure; views end with the next change of the listpack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "storage/types/listpack.h"
#include "storage/types/stream_id.h"

namespace slotway::storage {

// A listpack may not become larger, whatever the settings say.
inline constexpr std::size_t kStreamNodeBytesMax = std::size_t{1} << 30;

class StreamNodeReader {
 public:
  struct Entry {
    StreamId id;
    bool is_deleted = false;
    bool has_own_fields = false;
    std::size_t field_count = 0;
    std::size_t at = 0;       // of its flags
    std::size_t body_at = 0;  // of its first field or value
  };

  StreamNodeReader(StreamId node_id, std::string_view bytes);

  std::int64_t LiveCount() const { return live_; }
  std::int64_t DeletedCount() const { return deleted_; }

  std::size_t Begin() const { return entries_at_; }
  std::size_t End() const { return reader_.End(); }
  // REQUIRES: `at` is an entry's position, or what Next() gave and not End().
  Entry At(std::size_t at) const;
  std::size_t Next(const Entry& entry) const;
  // REQUIRES: at != Begin(). The last entry's when given End().
  std::size_t Previous(std::size_t at) const;

  // take(field, value) for each, as views that end with the call.
  template <class TakeFn>
  void ForEachField(const Entry& entry, TakeFn&& take) const {
    NumberText field_digits;
    NumberText value_digits;
    std::size_t at = entry.body_at;
    std::size_t shared_field_at = fields_at_;
    for (std::size_t i = 0; i < entry.field_count; ++i) {
      std::size_t& field_at = entry.has_own_fields ? at : shared_field_at;
      const std::string_view field = reader_.At(field_at).Text(field_digits);
      field_at = reader_.Next(field_at);
      const std::string_view value = reader_.At(at).Text(value_digits);
      at = reader_.Next(at);
      take(field, value);
    }
  }

  // Whether `pairs` (field, value, field, value, ...) has the head's fields.
  bool HasHeadFields(std::span<const std::string_view> pairs) const;

 private:
  std::int64_t Number(std::size_t at) const { return reader_.At(at).number; }

  ListpackReader reader_;
  StreamId node_id_;
  std::int64_t live_ = 0;
  std::int64_t deleted_ = 0;
  std::size_t field_count_ = 0;
  std::size_t fields_at_ = 0;   // of the head's first field
  std::size_t entries_at_ = 0;  // of the first entry's flags
};

// A node with this one entry.
Listpack MakeStreamNode(std::span<const std::string_view> pairs);
// REQUIRES: `id` is greater than all in the node.
void AppendStreamEntry(Listpack& node, StreamId node_id, StreamId id,
                       std::span<const std::string_view> pairs);
// Marks entries as deleted that are not yet: those from the first on, while is_wanted(entry).
// Returns how many were marked.
template <class IsWantedFn>
std::int64_t MarkStreamEntries(Listpack& node, StreamId node_id, IsWantedFn&& is_wanted);
// REQUIRES: the entry is not marked yet.
void MarkStreamEntry(Listpack& node, const StreamNodeReader::Entry& entry);

// What a node from outside holds.
struct StreamNodeSummary {
  std::uint64_t live = 0;
  StreamId first;  // deleted entries count, too
  StreamId last;
};
// Nothing unless the bytes are a node in every part, with at least one entry, ids that ascend from
// `node_id` on, and counts that are true.
std::optional<StreamNodeSummary> InspectStreamNode(StreamId node_id, std::string_view bytes);

// ---- Implementation ----

namespace stream_node_detail {
void AddToCounts(Listpack& node, std::int64_t marked);
void SetDeletedFlag(Listpack& node, const StreamNodeReader::Entry& entry);
}  // namespace stream_node_detail

template <class IsWantedFn>
std::int64_t MarkStreamEntries(Listpack& node, StreamId node_id, IsWantedFn&& is_wanted) {
  std::int64_t marked = 0;
  // Flags keep their width: the bytes are changed in their place.
  const StreamNodeReader reader(node_id, node.bytes());
  for (std::size_t at = reader.Begin(); at != reader.End();) {
    const StreamNodeReader::Entry entry = reader.At(at);
    if (!is_wanted(entry)) break;
    at = reader.Next(entry);
    if (entry.is_deleted) continue;
    stream_node_detail::SetDeletedFlag(node, entry);
    ++marked;
  }
  stream_node_detail::AddToCounts(node, marked);
  return marked;
}

}  // namespace slotway::storage
