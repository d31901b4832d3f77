// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/bucket_table.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace slotway::storage {
namespace {

// Entries per bucket, times ten: when to grow, when to shrink, and the load after shrinking.
constexpr std::uint64_t kGrowLoad10 = 72;
constexpr std::uint64_t kShrinkLoad10 = 56;
constexpr std::uint64_t kLateShrinkLoad10 = 16;
constexpr std::uint64_t kTargetLoad10 = 68;

std::uint32_t BucketsFor(std::uint32_t entries) {
  return static_cast<std::uint32_t>((std::uint64_t{entries} * 10 + kTargetLoad10 - 1) /
                                    kTargetLoad10);
}

}  // namespace

Spot BucketTable::Insert(TableMemory& memory, std::uint16_t tag, ArenaRef ref) {
  if ((std::uint64_t{size_} + 1) * 10 > bucket_count_ * kGrowLoad10) {
    Rebuild(memory, bucket_count_ + std::max(1u, bucket_count_ / 16));
  }
  ++size_;
  return Place(tag, ref);
}

void BucketTable::Erase(TableMemory& memory, Spot spot, Shrinking shrinking) {
  std::uint32_t at = HomeOf(spot.bucket->tags[spot.index]);
  for (Bucket* bucket = BucketAt(at); bucket != spot.bucket; bucket = BucketAt(at)) {
    bucket->NotePassedGone();
    at = Next(at);
  }
  spot.bucket->Remove(spot.index);
  --size_;
  const std::uint64_t load10 = shrinking == Shrinking::kLater ? kLateShrinkLoad10 : kShrinkLoad10;
  if (IsSparse(load10)) Shrink(memory);
}

bool BucketTable::Shrink(TableMemory& memory) {
  const std::uint32_t wanted = BucketsFor(size_);
  if (!IsSparse(kShrinkLoad10) || wanted >= bucket_count_) return false;
  Rebuild(memory, wanted);
  return true;
}

void BucketTable::Resize(TableMemory& memory, std::uint32_t entries) {
  const std::uint32_t wanted = BucketsFor(std::max(entries, size_));
  if (wanted != bucket_count_) Rebuild(memory, wanted);
}

void BucketTable::Clear(TableMemory& memory) {
  SetBucketCount(memory, 0);
  size_ = 0;
}

Spot BucketTable::Place(std::uint16_t tag, ArenaRef ref) {
  std::uint32_t at = HomeOf(tag);
  Bucket* bucket = BucketAt(at);
  while (bucket->IsFull()) {
    bucket->NotePassed(tag);
    at = Next(at);
    bucket = BucketAt(at);
  }
  const int index = bucket->FreeIndex();
  bucket->Put(index, tag, ref);
  return {bucket, index};
}

// All entries are taken out and placed again, in the order they stood: nearly by tag, so that the
// new buckets are written in order too.
void BucketTable::Rebuild(TableMemory& memory, std::uint32_t bucket_count) {
  struct Item {
    ArenaRef ref;
    std::uint16_t tag;
  };
  std::array<Item, 512> few;
  std::vector<Item> many;
  Item* items = few.data();
  if (size_ > few.size()) {
    many.resize(size_);
    items = many.data();
  }
  std::size_t count = 0;
  ForEach([&](Spot spot) { items[count++] = {spot.ref(), spot.bucket->tags[spot.index]}; });

  SetBucketCount(memory, bucket_count);
  for (std::uint32_t at = 0; at < bucket_count_; ++at) *BucketAt(at) = Bucket{};
  for (std::size_t i = 0; i < count; ++i) Place(items[i].tag, items[i].ref);
}

// Leaves the contents of the buckets undefined.
void BucketTable::SetBucketCount(TableMemory& memory, std::uint32_t count) {
  RecordArena& arena = memory.arena;
  const std::uint32_t old_segments = SegmentCount(bucket_count_);
  const std::uint32_t new_segments = SegmentCount(count);
  Bucket** const old_list = old_segments == 1 ? &only_ : segments_;
  std::size_t held = memory.index_bytes;

  Bucket* one = nullptr;
  Bucket** list = &one;
  if (new_segments > 1) {
    const std::size_t list_bytes = new_segments * sizeof(Bucket*);
    list = reinterpret_cast<Bucket**>(arena.Allocate(list_bytes));
    held += RecordArena::RoundedBytes(list_bytes);
  }
  for (std::uint32_t segment = 0; segment < std::max(old_segments, new_segments); ++segment) {
    const std::uint32_t old_length =
        segment < old_segments ? SegmentLength(segment, bucket_count_) : 0;
    const std::uint32_t new_length = segment < new_segments ? SegmentLength(segment, count) : 0;
    if (old_length == new_length) {
      list[segment] = old_list[segment];
      continue;
    }
    if (old_length != 0) {
      arena.Free(reinterpret_cast<std::byte*>(old_list[segment]));
      held -= old_length * sizeof(Bucket);
    }
    if (new_length != 0) {
      list[segment] = reinterpret_cast<Bucket*>(arena.Allocate(new_length * sizeof(Bucket)));
      held += new_length * sizeof(Bucket);
    }
  }
  if (old_segments > 1) {
    held -= RecordArena::RoundedBytes(old_segments * sizeof(Bucket*));
    arena.Free(reinterpret_cast<std::byte*>(segments_));
  }
  if (new_segments > 1) {
    segments_ = list;
  } else {
    only_ = one;
  }
  bucket_count_ = count;
  memory.index_bytes = held;
}

}  // namespace slotway::storage
