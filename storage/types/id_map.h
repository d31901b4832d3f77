// SPDX-License-Identifier: Apache-2.0
// An ordered map from stream ids to small values: sorted blocks, found by their first id.
//
//   blocks_:  first id -> [ id value | id value | ... ]     none is empty, kBlockMax at the most
//
// Ids mostly come in ascending order and go from the front: a full last block is followed by a new
// one instead of being split, so that blocks stay full. A block's key is at most its first id and
// greater than the last id of the block before. Bytes and entries are counted in an account that
// several maps may share. One thread only; cursors and pointers end with the next change.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "storage/types/stream_id.h"

namespace slotway::storage {

// What maps have taken together.
struct IdMapAccount {
  std::size_t bytes = 0;
  std::size_t entries = 0;
};

template <class T>
class IdMap {
 public:
  struct Item {
    StreamId id;
    [[no_unique_address]] T value;
  };

 private:
  using Block = std::vector<Item>;
  using Blocks = std::map<StreamId, Block>;

 public:
  static constexpr std::size_t kBlockMax = 64;

  explicit IdMap(IdMapAccount& account) : account_(account) {}
  ~IdMap() {
    while (FreeLastBlock() > 0) {
    }
  }
  IdMap(const IdMap&) = delete;
  IdMap& operator=(const IdMap&) = delete;

  std::size_t Size() const { return size_; }
  bool IsEmpty() const { return size_ == 0; }

  // Where an entry stands. Begin() of a map without entries is its End().
  class Cursor {
   public:
    StreamId id() const { return Item().id; }
    T& value() const { return Item().value; }
    bool operator==(const Cursor&) const = default;
    // REQUIRES: not End(), not Begin() respectively.
    void Next() {
      if (++index_ < block_->second.size()) return;
      ++block_;
      index_ = 0;
    }
    void Previous() {
      if (index_ == 0) {
        --block_;
        index_ = block_->second.size();
      }
      --index_;
    }

   private:
    friend class IdMap;
    Cursor(typename Blocks::iterator block, std::size_t index) : block_(block), index_(index) {}
    typename IdMap::Item& Item() const { return block_->second[index_]; }

    typename Blocks::iterator block_;
    std::size_t index_;
  };

  Cursor Begin() const { return Cursor(blocks_.begin(), 0); }
  Cursor End() const { return Cursor(blocks_.end(), 0); }
  // The first entry that is not before `id`.
  Cursor LowerBound(StreamId id) const {
    auto block = BlockOf(id);
    if (block == blocks_.end()) return Begin();
    const std::size_t index = IndexIn(block->second, id);
    if (index < block->second.size()) return Cursor(block, index);
    return Cursor(std::next(block), 0);
  }
  // The last entry that is not behind `id`; End() when there is none.
  Cursor AtOrBefore(StreamId id) const {
    Cursor at = LowerBound(id);
    if (at != End() && at.id() == id) return at;
    if (at == Begin()) return End();
    at.Previous();
    return at;
  }
  // nullptr when there is none.
  T* Find(StreamId id) const {
    const Cursor at = LowerBound(id);
    return at != End() && at.id() == id ? &at.value() : nullptr;
  }

  // False when the id has a value already, which stays.
  bool Insert(StreamId id, T value) {
    auto block = BlockOf(id);
    if (block == blocks_.end()) block = FirstBlockFor(id);
    std::size_t index = IndexIn(block->second, id);
    if (index < block->second.size() && block->second[index].id == id) return false;
    if (block->second.size() >= kBlockMax) {
      block = MakeRoom(block, id);
      index = IndexIn(block->second, id);
    }
    Change(block->second, [&](Block& items) {
      items.insert(items.begin() + static_cast<std::ptrdiff_t>(index), Item{id, std::move(value)});
    });
    ++size_;
    ++account_.entries;
    return true;
  }
  bool Erase(StreamId id) {
    const Cursor at = LowerBound(id);
    if (at == End() || at.id() != id) return false;
    Erase(at);
    return true;
  }
  void Erase(Cursor at) {
    Block& items = at.block_->second;
    --size_;
    --account_.entries;
    if (items.size() == 1) {
      DropBlock(at.block_);
      return;
    }
    items.erase(items.begin() + static_cast<std::ptrdiff_t>(at.index_));
    if (items.size() < kBlockMax / 4) JoinWithNext(at.block_);
  }

  // Frees a block and returns how many entries it had; 0 when nothing is left.
  std::size_t FreeLastBlock() {
    if (blocks_.empty()) return 0;
    const auto last = std::prev(blocks_.end());
    const std::size_t count = last->second.size();
    size_ -= count;
    account_.entries -= count;
    DropBlock(last);
    return count;
  }

 private:
  // What a tree node takes beside its block's items.
  static constexpr std::size_t kBlockBytes = sizeof(typename Blocks::value_type) + 4 * sizeof(void*);

  static std::size_t IndexIn(const Block& items, StreamId id) {
    const auto at = std::lower_bound(items.begin(), items.end(), id,
                                     [](const Item& item, StreamId key) { return item.id < key; });
    return static_cast<std::size_t>(at - items.begin());
  }
  // The block that `id` is in or would be in; end() when it is before all of them.
  typename Blocks::iterator BlockOf(StreamId id) const {
    auto block = blocks_.upper_bound(id);
    return block == blocks_.begin() ? blocks_.end() : std::prev(block);
  }
  typename Blocks::iterator FirstBlockFor(StreamId id) {
    if (blocks_.empty()) return AddBlock(blocks_.end(), id);
    auto first = blocks_.extract(blocks_.begin());
    first.key() = id;
    return blocks_.insert(blocks_.begin(), std::move(first));
  }
  typename Blocks::iterator AddBlock(typename Blocks::iterator before, StreamId id) {
    account_.bytes += kBlockBytes;
    return blocks_.emplace_hint(before, id, Block());
  }
  void DropBlock(typename Blocks::iterator block) {
    account_.bytes -= kBlockBytes + block->second.capacity() * sizeof(Item);
    blocks_.erase(block);
  }
  template <class ChangeFn>
  void Change(Block& items, ChangeFn&& change) {
    account_.bytes -= items.capacity() * sizeof(Item);
    change(items);
    account_.bytes += items.capacity() * sizeof(Item);
  }
  // Splits a full block; returns the half that `id` belongs to.
  typename Blocks::iterator MakeRoom(typename Blocks::iterator block, StreamId id) {
    const auto next = std::next(block);
    if (next == blocks_.end() && block->second.back().id < id) return AddBlock(next, id);
    const auto middle = block->second.begin() + kBlockMax / 2;
    const StreamId first_moved = middle->id;
    auto added = AddBlock(next, first_moved);
    Change(added->second, [&](Block& items) {
      items.assign(std::make_move_iterator(middle), std::make_move_iterator(block->second.end()));
    });
    Change(block->second, [&](Block& items) { items.erase(middle, items.end()); });
    return id < first_moved ? block : added;
  }
  void JoinWithNext(typename Blocks::iterator block) {
    const auto next = std::next(block);
    if (next == blocks_.end() || block->second.size() + next->second.size() > kBlockMax / 2) return;
    Change(block->second, [&](Block& items) {
      items.insert(items.end(), std::make_move_iterator(next->second.begin()),
                   std::make_move_iterator(next->second.end()));
    });
    DropBlock(next);
  }

  IdMapAccount& account_;
  mutable Blocks blocks_;  // cursors of a const map reach values that are changed in their place
  std::size_t size_ = 0;
};

}  // namespace slotway::storage
