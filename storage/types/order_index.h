// SPDX-License-Identifier: Apache-2.0
// The members of a large sorted set in order: a counted B+ tree of references to them.
//
//   leaf    0 u64 previous leaf, u64 next leaf, u16 count; 20 u32 x 61 prefixes; u40 x 61 members
//   inner   0 u16 count; 8 u64 x 61 children; u64 x 61 members below each; u32 x 61 prefixes and
//           u40 x 61 references of the first member below each
//
// A prefix is the upper half of the score in a form that compares as the score does; only where
// prefixes are equal are the members themselves read. 10 bytes a member if the leaves are full (as
// they are if members arrive in either order), about 14 if they arrive at random.
// Invariants: leaves are linked in order and all equally deep; entry i of an inner node names the
// first member below child i and counts those below it; no node is empty, but for the whole tree.
// A node below kSparse is merged with a neighbour of the same parent if both fit; not else, so the
// height is bounded by what was ever inserted, not strictly by the size.
// One thread only. Positions are stale after any change.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "storage/memory/prefetch.h"
#include "storage/memory/record_arena.h"
#include "storage/types/sorted_set_member.h"
#include "storage/types/sorted_set_order.h"

namespace slotway::storage {

class OrderIndex {
 public:
  // `arena` must outlive the index; the members are in it, and belong to someone else.
  explicit OrderIndex(RecordArena& arena) : arena_(arena) {}
  ~OrderIndex();
  OrderIndex(const OrderIndex&) = delete;
  OrderIndex& operator=(const OrderIndex&) = delete;

  std::size_t size() const { return size_; }
  std::size_t MemoryBytes() const { return node_bytes_; }

  // REQUIRES: no equal member is in.
  void Insert(ArenaRef member);
  // The same for one that belongs behind all others.
  void Append(ArenaRef member);
  // REQUIRES of both: it is in, with the score it was inserted with.
  void Erase(ArenaRef member);
  // Gives the member another score and its new place.
  void ChangeScore(ArenaRef member, double score);

  // How many members stand before this one. REQUIRES: it is in.
  std::size_t RankOf(const ScoredMember& member) const;
  // The same for one that need not be in.
  std::size_t CountPreceding(const ScoredMember& member) const;
  RankRange RanksOf(const ScoreRange& range) const;
  RankRange RanksOf(const LexRange& range) const;

  // Frees nodes of about `max_entries` and returns how many that were; 0 when only the destructor
  // is left to do the rest. After the first call nothing else may be called.
  std::size_t FreeSome(std::size_t max_entries);

 private:
  static constexpr int kEntriesMax = 61;
  static constexpr int kSparse = kEntriesMax / 4;
  static constexpr int kMergedMax = kEntriesMax * 3 / 4;
  // Every level costs thirty times the insertions of the one below.
  static constexpr int kHeightMax = 12;

  struct Reference {
    std::uint8_t bytes[5];

    static Reference Of(ArenaRef ref) {
      Reference reference;
      std::memcpy(reference.bytes, &ref, sizeof reference.bytes);
      return reference;
    }
    ArenaRef Ref() const {
      ArenaRef ref = 0;
      std::memcpy(&ref, bytes, sizeof bytes);
      return ref;
    }
  };
  // What stands for a member in a node.
  struct Key {
    std::uint32_t prefix;
    Reference member;
  };
  struct Leaf {
    ArenaRef previous = 0;
    ArenaRef next = 0;
    std::uint16_t count = 0;
    std::uint32_t prefixes[kEntriesMax];
    Reference members[kEntriesMax];
  };
  struct Inner {
    std::uint16_t count = 0;
    ArenaRef children[kEntriesMax];
    std::uint64_t sizes[kEntriesMax];
    std::uint32_t prefixes[kEntriesMax];
    Reference members[kEntriesMax];
  };
  static_assert(sizeof(Leaf) == 576 && sizeof(Inner) == 1536);
  static_assert(std::endian::native == std::endian::little, "references are little endian");

  // The way from the root to a leaf: each inner node with the child taken.
  struct Path {
    struct Step {
      Inner* node;
      int child;
    };
    Step steps[kHeightMax];
  };
  struct Place {
    Leaf* leaf;
    int at;
  };
  // A child to be entered in its parent.
  struct NewChild {
    ArenaRef node;
    std::uint64_t size;
    Key first;
  };

 public:
  class Cursor {
   public:
    SortedSetMember operator*() const { return {*arena_, leaf_->members[at_].Ref()}; }
    ArenaRef ref() const { return leaf_->members[at_].Ref(); }
    // REQUIRES of both: there is a neighbour on that side.
    void Advance() {
      if (++at_ < leaf_->count) {
        Prefetch(at_ + kAhead);
        return;
      }
      leaf_ = LeafAt(*arena_, leaf_->next);
      at_ = 0;
      for (int i = 0; i <= kAhead; ++i) Prefetch(i);
    }
    void Retreat() {
      if (--at_ >= 0) {
        Prefetch(at_ - kAhead);
        return;
      }
      leaf_ = LeafAt(*arena_, leaf_->previous);
      at_ = leaf_->count - 1;
      for (int i = 0; i <= kAhead; ++i) Prefetch(at_ - i);
    }

   private:
    friend class OrderIndex;
    // Members are anywhere in memory: the next ones are brought nearer in good time.
    static constexpr int kAhead = 6;
    void Prefetch(int at) const {
      if (at < 0 || at >= leaf_->count) return;
      PrefetchLine(arena_->At(leaf_->members[at].Ref()));
    }
    Cursor(const RecordArena& arena, const Leaf* leaf, int at)
        : arena_(&arena), leaf_(leaf), at_(at) {}
    const RecordArena* arena_;
    const Leaf* leaf_;
    int at_;
  };
  // REQUIRES: rank < size().
  Cursor At(std::size_t rank) const;

 private:
  static Leaf* LeafAt(const RecordArena& arena, ArenaRef ref) {
    return reinterpret_cast<Leaf*>(arena.At(ref));
  }
  Leaf* LeafAt(ArenaRef ref) const { return LeafAt(arena_, ref); }
  Inner* InnerAt(ArenaRef ref) const { return reinterpret_cast<Inner*>(arena_.At(ref)); }
  template <class Node>
  ArenaRef RefOf(const Node* node) const {
    return arena_.RefOf(reinterpret_cast<const std::byte*>(node));
  }
  template <class Node>
  Node& NewNode();
  template <class Node>
  void FreeNode(Node* node);

  static std::uint32_t PrefixOf(double score);
  Key KeyOf(ArenaRef member) const;
  template <class Node>
  static Key FirstOf(const Node& node) {
    return {node.prefixes[0], node.members[0]};
  }
  SortedSetMember MemberAt(Reference reference) const { return {arena_, reference.Ref()}; }
  // is_before(prefix, reference) is true of a first part of the order; its length is the answer.
  template <class BeforeFn>
  std::size_t RankWhere(const BeforeFn& is_before) const;
  auto AtOrBefore(const ScoredMember& member) const;
  // Where `member` is, or behind what it would stand: at is -1 before all. Fills in `path`.
  Place Find(const ScoredMember& member, Path& path) const;

  void InsertAt(Path& path, Place place, const Key& key);
  void EraseAt(Path& path, Place place);
  // Moves what is behind the first `kept` entries to a new leaf.
  Leaf& SplitLeaf(Leaf& leaf, int kept);
  // Enters what was split off behind the child taken at `level`; splits nodes that are full.
  void AddChild(const Path& path, int level, const NewChild& child, bool is_append);
  void GrowRoot(const NewChild& child);
  // The child at `level` is gone: forgets it, and mends its parent.
  void RemoveChild(Path& path, int level, int child);
  // Removes or merges a sparse node: a leaf, or the inner node at `level`.
  void MendLeaf(Path& path, Leaf& leaf);
  void MendInner(Path& path, int level);
  void MergeLeaves(Inner& parent, int left_child);
  void MergeInners(Inner& parent, int left_child);
  void UnlinkLeaf(const Leaf& leaf);
  // Tells the parents of the node at `level` (height_: a leaf) of its first key.
  void TellFirst(const Path& path, int level, const Key& first);
  void FreeInners(ArenaRef node, int levels);

  RecordArena& arena_;
  ArenaRef root_ = 0;  // a leaf if height_ is 0
  int height_ = 0;     // inner nodes above each leaf
  std::size_t size_ = 0;
  std::size_t node_bytes_ = 0;
  ArenaRef first_left_ = 0;  // see FreeSome: the first leaf that is left
  bool is_freeing_ = false;
};

}  // namespace slotway::storage
