// SPDX-License-Identifier: Apache-2.0
#include "storage/types/quicklist.h"

#include <algorithm>
#include <utility>

namespace slotway::storage {
namespace {

// What a listpack may take if it is bounded by a number of elements.
constexpr std::size_t kBytesMaxOfCounted = 8192;
constexpr std::size_t kEmptyBytes = ListpackReader::kHeaderBytes + 1;

struct NodeLimit {
  std::size_t bytes;
  std::size_t count;
};

NodeLimit LimitOf(const ListLimits& limits) {
  if (limits.listpack_size >= 0) {
    // Nothing fits in a list of no elements: one is the least.
    const auto count = static_cast<std::size_t>(std::max<std::int64_t>(limits.listpack_size, 1));
    return {kBytesMaxOfCounted, count};
  }
  const auto steps = static_cast<int>(std::min<std::int64_t>(-(limits.listpack_size + 1), 4));
  return {std::size_t{4096} << steps, SIZE_MAX};
}

// The same for one of several.
bool FitsInNode(const ListLimits& limits, std::size_t bytes, std::size_t count) {
  return FitsInListpack(limits, bytes, count) && bytes <= limits.packed_bytes_max;
}

}  // namespace

bool FitsInListpack(const ListLimits& limits, std::size_t bytes, std::size_t count) {
  const NodeLimit limit = LimitOf(limits);
  return bytes <= limit.bytes && count <= limit.count;
}

bool FitsInHalfAListpack(const ListLimits& limits, std::size_t bytes, std::size_t count) {
  const NodeLimit limit = LimitOf(limits);
  return bytes <= limit.bytes / 2 && count <= limit.count / 2;
}

Quicklist::Quicklist(Listpack listpack) { AppendNode(std::move(listpack)); }

void Quicklist::AppendNode(Listpack listpack) {
  const std::size_t count = listpack.reader().Count();
  if (count > 0) AddNode(nodes_.size(), std::move(listpack), count);
}

std::size_t Quicklist::FreeSome(std::size_t max_elements) {
  std::size_t freed = 0;
  while (freed < max_elements && !nodes_.empty()) {
    freed += nodes_.back()->count;
    RemoveNode(nodes_.size() - 1);
  }
  return freed;
}

std::unique_ptr<ValueObject> Quicklist::Clone() const {
  auto copy = std::make_unique<Quicklist>();
  for (const auto& node : nodes_) copy->AddNode(copy->nodes_.size(), node->listpack, node->count);
  return copy;
}

// ---- Positions ----

Quicklist::Position Quicklist::Next(Position position) const {
  const ListpackReader reader = Reader(position.node);
  const std::size_t next = reader.Next(position.offset);
  if (next != reader.End()) return {position.node, next};
  return {position.node + 1, ListpackReader::kHeaderBytes};
}

Quicklist::Position Quicklist::Previous(Position position) const {
  if (position.node < nodes_.size() && position.offset != ListpackReader::kHeaderBytes) {
    return {position.node, Reader(position.node).Previous(position.offset)};
  }
  const ListpackReader reader = Reader(position.node - 1);
  return {position.node - 1, reader.Previous(reader.End())};
}

Quicklist::Position Quicklist::Seek(std::int64_t index) const {
  const auto count = static_cast<std::int64_t>(count_);
  if (index < 0) index += count;
  if (index < 0 || index >= count) return End();
  auto left = static_cast<std::size_t>(index);
  std::size_t node = 0;
  if (left < count_ / 2) {
    for (; left >= nodes_[node]->count; ++node) left -= nodes_[node]->count;
  } else {
    std::size_t first_of_node = count_;
    node = nodes_.size();
    do {
      first_of_node -= nodes_[--node]->count;
    } while (first_of_node > left);
    left -= first_of_node;
  }
  // From the nearer end of the node.
  const bool is_early = left < nodes_[node]->count / 2;
  const auto in_node = static_cast<std::int64_t>(left);
  const auto from_end = in_node - static_cast<std::int64_t>(nodes_[node]->count);
  return {node, Reader(node).Seek(is_early ? in_node : from_end)};
}

// ---- Changes ----

template <class ChangeFn>
void Quicklist::Change(std::size_t node, ChangeFn&& change) {
  Node& changed = *nodes_[node];
  node_bytes_ -= BytesOf(changed);
  count_ -= changed.count;
  change(changed);
  count_ += changed.count;
  node_bytes_ += BytesOf(changed);
}

void Quicklist::AddNode(std::size_t node, Listpack listpack, std::size_t count) {
  // The neighbour at an end is an inner node from now on.
  const bool is_at_an_end = node == 0 || node == nodes_.size();
  if (is_at_an_end && !nodes_.empty()) {
    Change(node == 0 ? 0 : node - 1, [](Node& inner) { inner.listpack.ShrinkToFit(); });
  }
  auto added = std::make_unique<Node>(std::move(listpack), count);
  count_ += count;
  node_bytes_ += BytesOf(*added);
  nodes_.insert(nodes_.begin() + static_cast<std::ptrdiff_t>(node), std::move(added));
}

void Quicklist::RemoveNode(std::size_t node) {
  count_ -= nodes_[node]->count;
  node_bytes_ -= BytesOf(*nodes_[node]);
  nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(node));
}

bool Quicklist::HasRoom(std::size_t node, std::string_view text, const ListLimits& limits) const {
  // What an element takes beside its text, at the most.
  constexpr std::size_t kOverheadMax = 10;
  const std::size_t bytes = nodes_[node]->listpack.bytes().size() + text.size() + kOverheadMax;
  return FitsInNode(limits, bytes, nodes_[node]->count + 1);
}

void Quicklist::PushFront(std::string_view text, const ListLimits& limits) {
  if (nodes_.empty() || !HasRoom(0, text, limits)) AddNode(0, Listpack(), 0);
  Change(0, [&](Node& node) {
    node.listpack.Insert(ListpackReader::kHeaderBytes, text);
    ++node.count;
  });
}

void Quicklist::PushBack(std::string_view text, const ListLimits& limits) {
  if (nodes_.empty() || !HasRoom(nodes_.size() - 1, text, limits)) {
    AddNode(nodes_.size(), Listpack(), 0);
  }
  Change(nodes_.size() - 1, [&](Node& node) {
    node.listpack.Append(text);
    ++node.count;
  });
}

void Quicklist::Insert(Position position, std::string_view text, const ListLimits& limits) {
  if (IsEnd(position)) return PushBack(text, limits);
  const auto insert_at = [&](std::size_t node, std::size_t offset) {
    Change(node, [&](Node& changed) {
      changed.listpack.Insert(offset, text);
      ++changed.count;
    });
  };
  if (HasRoom(position.node, text, limits)) return insert_at(position.node, position.offset);
  if (position.offset != ListpackReader::kHeaderBytes) {
    Split(position);
    ++position.node;
  }
  // Now it stands between two nodes.
  if (position.node > 0 && HasRoom(position.node - 1, text, limits)) {
    insert_at(position.node - 1, Reader(position.node - 1).End());
  } else if (HasRoom(position.node, text, limits)) {
    insert_at(position.node, ListpackReader::kHeaderBytes);
  } else {
    Listpack alone;
    alone.Append(text);
    AddNode(position.node, std::move(alone), 1);
  }
  JoinWithNext(position.node, limits);
}

void Quicklist::Replace(Position position, std::string_view text, const ListLimits& limits) {
  const std::size_t old_bytes = Reader(position.node).Next(position.offset) - position.offset;
  const std::size_t others_bytes = nodes_[position.node]->listpack.bytes().size() - old_bytes;
  if (nodes_[position.node]->count == 1 ||
      FitsInNode(limits, others_bytes + text.size(), nodes_[position.node]->count)) {
    Change(position.node, [&](Node& node) { node.listpack.Replace(position.offset, text); });
    return;
  }
  Insert(Erase(position), text, limits);
}

Quicklist::Position Quicklist::Erase(Position position) {
  if (nodes_[position.node]->count == 1) {
    RemoveNode(position.node);
    return {position.node, ListpackReader::kHeaderBytes};
  }
  Change(position.node, [&](Node& node) {
    node.listpack.Erase(position.offset, 1);
    --node.count;
  });
  if (position.offset == Reader(position.node).End()) {
    return {position.node + 1, ListpackReader::kHeaderBytes};
  }
  return position;
}

void Quicklist::EraseRange(std::size_t index, std::size_t count) {
  if (index >= count_) return;
  count = std::min(count, count_ - index);
  Position position = Seek(static_cast<std::int64_t>(index));
  while (count > 0) {
    const bool from_its_beginning = position.offset == ListpackReader::kHeaderBytes;
    if (from_its_beginning && nodes_[position.node]->count <= count) {
      count -= nodes_[position.node]->count;
      RemoveNode(position.node);
      continue;
    }
    std::size_t erased = 0;
    Change(position.node, [&](Node& node) {
      const std::size_t before = node.listpack.reader().Count();
      node.listpack.Erase(position.offset, count);
      erased = before - node.listpack.reader().Count();
      node.count -= erased;
    });
    count -= erased;
    position = {position.node + 1, ListpackReader::kHeaderBytes};
  }
}

void Quicklist::Split(Position position) {
  Listpack tail;
  Change(position.node, [&](Node& node) {
    tail = node.listpack.SplitOff(position.offset);
    node.count = node.listpack.reader().Count();
    node.listpack.ShrinkToFit();
  });
  const std::size_t count = tail.reader().Count();
  AddNode(position.node + 1, std::move(tail), count);
}

void Quicklist::JoinWithNext(std::size_t node, const ListLimits& limits) {
  if (node + 1 >= nodes_.size()) return;
  const std::size_t bytes =
      nodes_[node]->listpack.bytes().size() + NodeBytes(node + 1).size() - kEmptyBytes;
  const std::size_t count = nodes_[node]->count + nodes_[node + 1]->count;
  if (!FitsInNode(limits, bytes, count)) return;
  Change(node, [&](Node& joined) {
    joined.listpack.AppendAll(nodes_[node + 1]->listpack);
    joined.count = count;
  });
  RemoveNode(node + 1);
}

}  // namespace slotway::storage
