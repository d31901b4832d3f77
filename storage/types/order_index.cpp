// SPDX-License-Identifier: Apache-2.0
#include "storage/types/order_index.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <new>
#include <numeric>

namespace slotway::storage {
namespace {

// ---- The arrays of a node ----

template <class T>
void OpenGap(T* array, int count, int at) {
  std::memmove(array + at + 1, array + at, static_cast<std::size_t>(count - at) * sizeof(T));
}

template <class T>
void CloseGap(T* array, int count, int at) {
  std::memmove(array + at, array + at + 1, static_cast<std::size_t>(count - at - 1) * sizeof(T));
}

// Copies [from, from + count) of one array to the end of another, which holds `held`.
template <class T>
void CopyTail(const T* source, int from, int count, T* target, int held) {
  std::memcpy(target + held, source + from, static_cast<std::size_t>(count) * sizeof(T));
}

template <class Leaf, class Key>
void InsertKey(Leaf& leaf, int at, const Key& key) {
  OpenGap(leaf.prefixes, leaf.count, at);
  OpenGap(leaf.members, leaf.count, at);
  leaf.prefixes[at] = key.prefix;
  leaf.members[at] = key.member;
  ++leaf.count;
}

template <class Inner, class NewChild>
void InsertChild(Inner& inner, int at, const NewChild& child) {
  OpenGap(inner.children, inner.count, at);
  OpenGap(inner.sizes, inner.count, at);
  inner.children[at] = child.node;
  inner.sizes[at] = child.size;
  InsertKey(inner, at, child.first);
}

template <class Leaf>
void RemoveKey(Leaf& leaf, int at) {
  CloseGap(leaf.prefixes, leaf.count, at);
  CloseGap(leaf.members, leaf.count, at);
  --leaf.count;
}

template <class Inner>
void RemoveEntry(Inner& inner, int at) {
  CloseGap(inner.children, inner.count, at);
  CloseGap(inner.sizes, inner.count, at);
  RemoveKey(inner, at);
}

// Moves all entries from `from` on to the end of `target`.
template <class Leaf>
void MoveKeys(Leaf& source, int from, Leaf& target) {
  const int moved = source.count - from;
  CopyTail(source.prefixes, from, moved, target.prefixes, target.count);
  CopyTail(source.members, from, moved, target.members, target.count);
  target.count = static_cast<std::uint16_t>(target.count + moved);
  source.count = static_cast<std::uint16_t>(from);
}

template <class Inner>
void MoveChildren(Inner& source, int from, Inner& target) {
  const int moved = source.count - from;
  CopyTail(source.children, from, moved, target.children, target.count);
  CopyTail(source.sizes, from, moved, target.sizes, target.count);
  MoveKeys(source, from, target);
}

template <class Inner>
std::uint64_t SizeBelow(const Inner& inner) {
  return std::accumulate(inner.sizes, inner.sizes + inner.count, std::uint64_t{0});
}

// Of a node, how many entries `is_before` holds for.
template <class Node, class BeforeFn>
int CountBefore(const Node& node, const BeforeFn& is_before) {
  int low = 0;
  int high = node.count;
  while (low < high) {
    const int middle = (low + high) / 2;
    if (is_before(node.prefixes[middle], node.members[middle])) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

// ---- Keys ----

std::uint32_t OrderIndex::PrefixOf(double score) {
  constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
  const auto bits = std::bit_cast<std::uint64_t>(score + 0.0);  // -0 becomes 0
  return static_cast<std::uint32_t>(((bits & kSign) != 0 ? ~bits : bits | kSign) >> 32);
}

OrderIndex::Key OrderIndex::KeyOf(ArenaRef member) const {
  return {PrefixOf(SortedSetMember(arena_, member).Score()), Reference::Of(member)};
}

// ---- Nodes ----

template <class Node>
Node& OrderIndex::NewNode() {
  std::byte* memory = arena_.Allocate(sizeof(Node));
  node_bytes_ += arena_.UsableBytes(memory);
  return *new (memory) Node;
}

template <class Node>
void OrderIndex::FreeNode(Node* node) {
  auto* memory = reinterpret_cast<std::byte*>(node);
  node_bytes_ -= arena_.UsableBytes(memory);
  arena_.Free(memory);
}

OrderIndex::~OrderIndex() {
  FreeSome(SIZE_MAX);
  if (height_ > 0) FreeInners(root_, height_);
}

void OrderIndex::FreeInners(ArenaRef node, int levels) {
  Inner* inner = InnerAt(node);
  if (levels > 1) {
    for (int i = 0; i < inner->count; ++i) FreeInners(inner->children[i], levels - 1);
  }
  FreeNode(inner);
}

std::size_t OrderIndex::FreeSome(std::size_t max_entries) {
  if (!is_freeing_) {
    is_freeing_ = true;
    first_left_ = root_;
    for (int level = 0; level < height_; ++level) first_left_ = InnerAt(first_left_)->children[0];
  }
  std::size_t freed = 0;
  while (freed < max_entries && first_left_ != 0) {
    Leaf* leaf = LeafAt(first_left_);
    first_left_ = leaf->next;
    freed += leaf->count;
    FreeNode(leaf);
  }
  return freed;
}

// ---- Looking ----

template <class BeforeFn>
std::size_t OrderIndex::RankWhere(const BeforeFn& is_before) const {
  if (size_ == 0) return 0;
  std::size_t rank = 0;
  ArenaRef node = root_;
  for (int level = 0; level < height_; ++level) {
    const Inner& inner = *InnerAt(node);
    const int child = std::max(CountBefore(inner, is_before) - 1, 0);
    rank = std::accumulate(inner.sizes, inner.sizes + child, rank);
    node = inner.children[child];
  }
  return rank + static_cast<std::size_t>(CountBefore(*LeafAt(node), is_before));
}

auto OrderIndex::AtOrBefore(const ScoredMember& member) const {
  return [this, member, wanted = PrefixOf(member.score)](std::uint32_t prefix, Reference at) {
    return prefix != wanted ? prefix < wanted : !Precedes(member, MemberAt(at).View());
  };
}

OrderIndex::Place OrderIndex::Find(const ScoredMember& member, Path& path) const {
  const auto is_before = AtOrBefore(member);
  ArenaRef node = root_;
  for (int level = 0; level < height_; ++level) {
    Inner* inner = InnerAt(node);
    const int child = std::max(CountBefore(*inner, is_before) - 1, 0);
    path.steps[level] = {inner, child};
    node = inner->children[child];
  }
  Leaf* leaf = LeafAt(node);
  return {leaf, CountBefore(*leaf, is_before) - 1};
}

std::size_t OrderIndex::RankOf(const ScoredMember& member) const {
  return RankWhere(AtOrBefore(member)) - 1;
}

std::size_t OrderIndex::CountPreceding(const ScoredMember& member) const {
  return RankWhere([&, wanted = PrefixOf(member.score)](std::uint32_t prefix, Reference at) {
    return prefix != wanted ? prefix < wanted : Precedes(MemberAt(at).View(), member);
  });
}

RankRange OrderIndex::RanksOf(const ScoreRange& range) const {
  const auto rank_of_cut = [this](double cut, bool is_behind_equals) {
    const std::uint32_t wanted = PrefixOf(cut);
    return RankWhere([&](std::uint32_t prefix, Reference at) {
      if (prefix != wanted) return prefix < wanted;
      const double score = MemberAt(at).Score();
      return is_behind_equals ? score <= cut : score < cut;
    });
  };
  return RankRange::Between(rank_of_cut(range.min, range.excludes_min),
                            rank_of_cut(range.max, !range.excludes_max));
}

RankRange OrderIndex::RanksOf(const LexRange& range) const {
  const std::size_t first = RankWhere(
      [&](std::uint32_t, Reference at) { return range.StartsAfter(MemberAt(at).Text()); });
  const std::size_t end = RankWhere(
      [&](std::uint32_t, Reference at) { return !range.EndsBefore(MemberAt(at).Text()); });
  return RankRange::Between(first, end);
}

OrderIndex::Cursor OrderIndex::At(std::size_t rank) const {
  assert(rank < size_);
  ArenaRef node = root_;
  for (int level = 0; level < height_; ++level) {
    const Inner& inner = *InnerAt(node);
    int child = 0;
    while (rank >= inner.sizes[child]) rank -= inner.sizes[child++];
    node = inner.children[child];
  }
  return {arena_, LeafAt(node), static_cast<int>(rank)};
}

// ---- Inserting ----

void OrderIndex::Insert(ArenaRef member) {
  if (size_ == 0) root_ = RefOf(&NewNode<Leaf>());
  Path path;
  const Place before = Find(SortedSetMember(arena_, member).View(), path);
  InsertAt(path, {before.leaf, before.at + 1}, KeyOf(member));
}

void OrderIndex::Append(ArenaRef member) {
  if (size_ == 0) {
    Insert(member);
    return;
  }
  Path path;
  ArenaRef node = root_;
  for (int level = 0; level < height_; ++level) {
    Inner* inner = InnerAt(node);
    path.steps[level] = {inner, inner->count - 1};
    node = inner->children[inner->count - 1];
  }
  Leaf* last = LeafAt(node);
  InsertAt(path, {last, last->count}, KeyOf(member));
}

void OrderIndex::InsertAt(Path& path, Place place, const Key& key) {
  ++size_;
  for (int level = 0; level < height_; ++level) {
    ++path.steps[level].node->sizes[path.steps[level].child];
  }
  Leaf* leaf = place.leaf;
  if (leaf->count < kEntriesMax) {
    InsertKey(*leaf, place.at, key);
    if (place.at == 0) TellFirst(path, height_, key);
    return;
  }
  // Behind or before everything: members arrive in order, and full leaves will stay as they are.
  const bool is_append = leaf->next == 0 && place.at == kEntriesMax;
  const bool is_prepend = leaf->previous == 0 && place.at == 0;
  Leaf& right = SplitLeaf(*leaf, is_append ? kEntriesMax : is_prepend ? 0 : kEntriesMax / 2);
  const bool is_right = is_append || place.at > leaf->count;
  if (is_right) {
    InsertKey(right, place.at - leaf->count, key);
  } else {
    InsertKey(*leaf, place.at, key);
    if (place.at == 0) TellFirst(path, height_, key);
  }
  AddChild(path, height_ - 1, {RefOf(&right), right.count, FirstOf(right)}, is_append);
}

OrderIndex::Leaf& OrderIndex::SplitLeaf(Leaf& leaf, int kept) {
  Leaf& right = NewNode<Leaf>();
  MoveKeys(leaf, kept, right);
  right.previous = RefOf(&leaf);
  right.next = leaf.next;
  if (leaf.next != 0) LeafAt(leaf.next)->previous = RefOf(&right);
  leaf.next = RefOf(&right);
  return right;
}

void OrderIndex::AddChild(const Path& path, int level, const NewChild& child, bool is_append) {
  if (level < 0) {
    GrowRoot(child);
    return;
  }
  const auto [node, left_child] = path.steps[level];
  node->sizes[left_child] -= child.size;
  const int at = left_child + 1;
  if (node->count < kEntriesMax) {
    InsertChild(*node, at, child);
    return;
  }
  Inner& right = NewNode<Inner>();
  MoveChildren(*node, is_append ? kEntriesMax : kEntriesMax / 2, right);
  if (is_append || at > node->count) {
    InsertChild(right, at - node->count, child);
  } else {
    InsertChild(*node, at, child);
  }
  AddChild(path, level - 1, {RefOf(&right), SizeBelow(right), FirstOf(right)}, is_append);
}

void OrderIndex::GrowRoot(const NewChild& child) {
  assert(height_ < kHeightMax);
  const Key first = height_ == 0 ? FirstOf(*LeafAt(root_)) : FirstOf(*InnerAt(root_));
  Inner& root = NewNode<Inner>();
  InsertChild(root, 0, NewChild{root_, size_ - child.size, first});
  InsertChild(root, 1, child);
  root_ = RefOf(&root);
  ++height_;
}

void OrderIndex::TellFirst(const Path& path, int level, const Key& first) {
  while (level-- > 0) {
    const auto [node, child] = path.steps[level];
    node->prefixes[child] = first.prefix;
    node->members[child] = first.member;
    if (child > 0) return;
  }
}

// ---- Erasing ----

void OrderIndex::Erase(ArenaRef member) {
  Path path;
  const Place place = Find(SortedSetMember(arena_, member).View(), path);
  assert(place.at >= 0 && place.leaf->members[place.at].Ref() == member);
  EraseAt(path, place);
}

void OrderIndex::EraseAt(Path& path, Place place) {
  --size_;
  for (int level = 0; level < height_; ++level) {
    --path.steps[level].node->sizes[path.steps[level].child];
  }
  Leaf& leaf = *place.leaf;
  RemoveKey(leaf, place.at);
  if (place.at == 0 && leaf.count > 0) TellFirst(path, height_, FirstOf(leaf));
  if (leaf.count < kSparse) MendLeaf(path, leaf);
}

void OrderIndex::MendLeaf(Path& path, Leaf& leaf) {
  if (height_ == 0) {
    if (leaf.count > 0) return;
    FreeNode(&leaf);
    root_ = 0;
    return;
  }
  const auto [parent, child] = path.steps[height_ - 1];
  const auto fits_with = [&, parent = parent](int neighbour) {
    return leaf.count + LeafAt(parent->children[neighbour])->count <= kMergedMax;
  };
  if (leaf.count == 0) {
    UnlinkLeaf(leaf);
    FreeNode(&leaf);
    RemoveChild(path, height_ - 1, child);
  } else if (child + 1 < parent->count && fits_with(child + 1)) {
    MergeLeaves(*parent, child);
    RemoveChild(path, height_ - 1, child + 1);
  } else if (child > 0 && fits_with(child - 1)) {
    MergeLeaves(*parent, child - 1);
    RemoveChild(path, height_ - 1, child);
  }
}

void OrderIndex::MendInner(Path& path, int level) {
  Inner* node = path.steps[level].node;
  if (level == 0) {
    while (height_ > 0 && InnerAt(root_)->count == 1) {
      Inner* old_root = InnerAt(root_);
      root_ = old_root->children[0];
      --height_;
      FreeNode(old_root);
    }
    return;
  }
  const auto [parent, child] = path.steps[level - 1];
  const auto fits_with = [&, parent = parent](int neighbour) {
    return node->count + InnerAt(parent->children[neighbour])->count <= kMergedMax;
  };
  if (node->count == 0) {
    FreeNode(node);
    RemoveChild(path, level - 1, child);
  } else if (child + 1 < parent->count && fits_with(child + 1)) {
    MergeInners(*parent, child);
    RemoveChild(path, level - 1, child + 1);
  } else if (child > 0 && fits_with(child - 1)) {
    MergeInners(*parent, child - 1);
    RemoveChild(path, level - 1, child);
  }
}

void OrderIndex::MergeLeaves(Inner& parent, int left_child) {
  Leaf* right = LeafAt(parent.children[left_child + 1]);
  MoveKeys(*right, 0, *LeafAt(parent.children[left_child]));
  parent.sizes[left_child] += parent.sizes[left_child + 1];
  UnlinkLeaf(*right);
  FreeNode(right);
}

void OrderIndex::MergeInners(Inner& parent, int left_child) {
  Inner* right = InnerAt(parent.children[left_child + 1]);
  MoveChildren(*right, 0, *InnerAt(parent.children[left_child]));
  parent.sizes[left_child] += parent.sizes[left_child + 1];
  FreeNode(right);
}

void OrderIndex::UnlinkLeaf(const Leaf& leaf) {
  if (leaf.previous != 0) LeafAt(leaf.previous)->next = leaf.next;
  if (leaf.next != 0) LeafAt(leaf.next)->previous = leaf.previous;
}

void OrderIndex::RemoveChild(Path& path, int level, int child) {
  Inner& node = *path.steps[level].node;
  RemoveEntry(node, child);
  if (child == 0 && node.count > 0) TellFirst(path, level, FirstOf(node));
  if (node.count < kSparse) MendInner(path, level);
}

// ---- Moving ----

void OrderIndex::ChangeScore(ArenaRef member, double score) {
  SortedSetMember moved(arena_, member);
  Path path;
  const Place place = Find(moved.View(), path);
  assert(place.at >= 0 && place.leaf->members[place.at].Ref() == member);
  const ScoredMember target{score, moved.Text()};
  const Leaf& leaf = *place.leaf;
  const bool stays = place.at > 0 && place.at + 1 < leaf.count &&
                     Precedes(MemberAt(leaf.members[place.at - 1]).View(), target) &&
                     Precedes(target, MemberAt(leaf.members[place.at + 1]).View());
  if (stays) {
    place.leaf->prefixes[place.at] = PrefixOf(score);
    moved.SetScore(score);
    return;
  }
  EraseAt(path, place);
  moved.SetScore(score);
  Insert(member);
}

}  // namespace slotway::storage
