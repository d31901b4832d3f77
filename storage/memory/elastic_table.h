// SPDX-License-Identifier: Apache-2.0
// A hash table of arena references of any size, none of whose operations takes long.
//
// It starts as one BucketTable. A table that reaches kSplitEntries splits in two by the next bit of
// the hash; a directory by the leading bits of the hash finds the right one (extendible hashing).
// A table at depth d uses the hash bits after the first d as tags, so that entries stand in the
// order of their hashes, and the first 32 bits of a hash are a scan position that stays good
// whatever splits, grows or shrinks: everything before it was visited.
// The table does not know what a reference means: hash_of(ref) tells the hash, match(ref) compares.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "storage/memory/bucket_table.h"

namespace slotway::storage {

class ElasticTable {
 public:
  static constexpr std::uint32_t kSplitEntries = 3686;
  static constexpr std::uint32_t kCollapseEntries = 224;
  static constexpr int kMaxDepth = 16;
  static constexpr std::uint64_t kPositionEnd = std::uint64_t{1} << 32;

  static std::uint32_t PositionOf(std::uint64_t hash) {
    return static_cast<std::uint32_t>(hash >> 32);
  }

  std::size_t size() const { return directory_ ? directory_->size : root_.size(); }

  template <class MatchFn>
  Spot Find(std::uint64_t hash, MatchFn&& match) const {
    const Part part = PartOf(hash);
    return part.table->Find(TagAt(hash, part.depth), match);
  }
  // For prefetching, step by step: what leads to the home bucket of `hash`.
  void PrefetchPath(std::uint64_t hash) const {
    const Part part = PartOf(hash);
    part.table->PrefetchPath(TagAt(hash, part.depth));
  }
  // Then: the home bucket of `hash` (nullptr: none) and the tag to match in it.
  std::pair<const Bucket*, std::uint16_t> PrefetchHome(std::uint64_t hash) const {
    const Part part = PartOf(hash);
    const std::uint16_t tag = TagAt(hash, part.depth);
    return {part.table->PrefetchHome(tag), tag};
  }

  // Adds an entry without looking for an equal one. Spots are invalid after it, but the new one.
  template <class HashFn>
  Spot Insert(TableMemory& memory, std::uint64_t hash, ArenaRef ref, HashFn&& hash_of);
  // `hash` is the entry's. Spots are invalid after it.
  template <class HashFn>
  void Erase(TableMemory& memory, std::uint64_t hash, Spot spot, HashFn&& hash_of,
             Shrinking shrinking = Shrinking::kAtOnce);
  // Makes up for Shrinking::kLater in one part of the table, 0 being the first; returns the next
  // part, 0 at the end. Adds the entries it moved to `moved`. Spots are invalid after it.
  std::size_t ShrinkPart(TableMemory& memory, std::size_t part, std::size_t& moved);
  void Clear(TableMemory& memory);

  template <class VisitFn>
  void ForEach(VisitFn&& visit) const;
  // visit(Spot) for the entries of one home bucket at or after `position`; returns the next
  // position, kPositionEnd at the end. Entries a little before `position` may be visited too.
  template <class VisitFn>
  std::uint64_t VisitFrom(std::uint64_t position, VisitFn&& visit) const;
  // visit(Spot) for every entry whose position is in [first, end), and maybe for some near it.
  template <class VisitFn>
  void VisitRange(std::uint64_t first, std::uint64_t end, VisitFn&& visit) const;
  // These two are in elastic_table_draws.h. Any entry, all equally likely. `next` returns uniform
  // 64-bit numbers. REQUIRES: size() > 0.
  template <class RandomFn>
  Spot RandomSpot(RandomFn&& next) const;
  // visit(Spot) for `count` different entries, every choice equally likely, in no certain order.
  // REQUIRES: count <= size().
  template <class RandomFn, class VisitFn>
  void VisitRandomDistinct(std::size_t count, RandomFn&& next, VisitFn&& visit) const;

 private:
  struct Node {
    BucketTable table;
    int depth = 0;
  };
  struct Directory {
    int depth = 0;
    std::size_t size = 0;
    std::vector<std::uint32_t> node_of_prefix;  // 2^depth
    std::vector<Node> nodes;

    std::size_t Bytes() const {
      return sizeof *this + node_of_prefix.capacity() * sizeof(std::uint32_t) +
             nodes.capacity() * sizeof(Node);
    }
    std::size_t PrefixOf(std::uint64_t hash) const {
      return depth == 0 ? 0 : static_cast<std::size_t>(hash >> (64 - depth));
    }
    std::uint32_t NodeOf(std::uint64_t hash) const { return node_of_prefix[PrefixOf(hash)]; }
  };
  struct Part {
    const BucketTable* table;
    int depth;
  };

  static std::uint16_t TagAt(std::uint64_t hash, int depth) {
    return static_cast<std::uint16_t>(hash << depth >> 48);
  }
  Part PartOf(std::uint64_t hash) const {
    if (!directory_) return {&root_, 0};
    const Node& node = directory_->nodes[directory_->NodeOf(hash)];
    return {&node.table, node.depth};
  }
  // Makes the directory if there is none, and points the upper half of node `left` to a new,
  // empty node, which is returned.
  std::uint32_t SplitDirectory(std::uint64_t hash, std::uint32_t left);
  template <class HashFn>
  void Split(TableMemory& memory, std::uint64_t hash, HashFn&& hash_of);
  template <class HashFn>
  void Collapse(TableMemory& memory, HashFn&& hash_of);

  BucketTable root_;
  std::unique_ptr<Directory> directory_;  // once there is one, root_ is empty
};

template <class HashFn>
Spot ElasticTable::Insert(TableMemory& memory, std::uint64_t hash, ArenaRef ref, HashFn&& hash_of) {
  for (Part part = PartOf(hash); part.table->size() >= kSplitEntries && part.depth < kMaxDepth;
       part = PartOf(hash)) {
    Split(memory, hash, hash_of);
  }
  if (!directory_) return root_.Insert(memory, TagAt(hash, 0), ref);
  ++directory_->size;
  Node& node = directory_->nodes[directory_->NodeOf(hash)];
  return node.table.Insert(memory, TagAt(hash, node.depth), ref);
}

template <class HashFn>
void ElasticTable::Erase(TableMemory& memory, std::uint64_t hash, Spot spot, HashFn&& hash_of,
                         Shrinking shrinking) {
  if (!directory_) {
    root_.Erase(memory, spot, shrinking);
    return;
  }
  directory_->nodes[directory_->NodeOf(hash)].table.Erase(memory, spot, shrinking);
  if (--directory_->size < kCollapseEntries) Collapse(memory, hash_of);
}

template <class HashFn>
void ElasticTable::Split(TableMemory& memory, std::uint64_t hash, HashFn&& hash_of) {
  const std::size_t directory_bytes_before = directory_ ? directory_->Bytes() : 0;
  const std::uint32_t left = directory_ ? directory_->NodeOf(hash) : 0;
  const std::uint32_t right = SplitDirectory(hash, left);
  memory.index_bytes += directory_->Bytes() - directory_bytes_before;

  BucketTable& low = directory_->nodes[left].table;
  BucketTable& high = directory_->nodes[right].table;
  const int depth = directory_->nodes[left].depth;
  std::vector<ArenaRef> refs;
  refs.reserve(low.size());
  low.ForEach([&](Spot spot) { refs.push_back(spot.ref()); });
  low.Clear(memory);
  low.Resize(memory, static_cast<std::uint32_t>(refs.size() / 2));
  high.Resize(memory, static_cast<std::uint32_t>(refs.size() / 2));
  constexpr std::size_t kAhead = 8;
  for (std::size_t i = 0; i < refs.size(); ++i) {
    if (i + kAhead < refs.size()) PrefetchLine(memory.arena.At(refs[i + kAhead]));
    const std::uint64_t entry_hash = hash_of(refs[i]);
    const bool is_high = (entry_hash >> (64 - depth) & 1) != 0;
    (is_high ? high : low).Insert(memory, TagAt(entry_hash, depth), refs[i]);
  }
}

template <class HashFn>
void ElasticTable::Collapse(TableMemory& memory, HashFn&& hash_of) {
  const std::unique_ptr<Directory> directory = std::move(directory_);
  memory.index_bytes -= directory->Bytes();
  root_.Resize(memory, static_cast<std::uint32_t>(directory->size));
  for (Node& node : directory->nodes) {
    node.table.ForEach(
        [&](Spot spot) { root_.Insert(memory, TagAt(hash_of(spot.ref()), 0), spot.ref()); });
    node.table.Clear(memory);
  }
}

template <class VisitFn>
void ElasticTable::ForEach(VisitFn&& visit) const {
  root_.ForEach(visit);
  if (!directory_) return;
  for (const Node& node : directory_->nodes) node.table.ForEach(visit);
}

template <class VisitFn>
std::uint64_t ElasticTable::VisitFrom(std::uint64_t position, VisitFn&& visit) const {
  const Part part = PartOf(position << 32);
  const std::uint32_t tag = TagAt(position << 32, part.depth);
  const std::uint32_t end_tag = part.table->TagOfNextHome(tag);
  part.table->VisitTags(tag, end_tag, visit);
  const std::uint64_t part_start =
      part.depth == 0 ? 0 : position >> (32 - part.depth) << (32 - part.depth);
  return part_start + (std::uint64_t{end_tag} << (16 - part.depth));
}

template <class VisitFn>
void ElasticTable::VisitRange(std::uint64_t first, std::uint64_t end, VisitFn&& visit) const {
  while (first < end) {
    const Part part = PartOf(first << 32);
    const std::uint64_t part_span = kPositionEnd >> part.depth;
    const std::uint64_t part_start = first / part_span * part_span;
    const std::uint64_t stop = std::min(end, part_start + part_span);
    const int shift = 16 - part.depth;
    const auto first_tag = static_cast<std::uint32_t>((first - part_start) >> shift);
    const auto last_tag = static_cast<std::uint32_t>((stop - 1 - part_start) >> shift);
    part.table->VisitTags(first_tag, last_tag + 1, visit);
    first = stop;
  }
}

}  // namespace slotway::storage
