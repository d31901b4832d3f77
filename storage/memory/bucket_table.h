// SPDX-License-Identifier: Apache-2.0
// A table of entries that grows and shrinks by a sixteenth at a time.
//
// The home of an entry is bucket tag * bucket_count / 2^16, so entries stand in the order of their
// tags, and the table is resized by placing entries anew from their tags alone, without reading
// what they refer to. An entry whose home is full goes to the next bucket with room (the first
// follows the last); each bucket it passes counts it and keeps it in a small filter, so that a miss
// rarely looks further than its home. Load is 0.85 to 0.90.
// Buckets live in segments of eight (the last one may be shorter), so that growth never copies a
// large array. Meant for up to about 512 buckets: ElasticTable splits before it gets larger.
#pragma once

#include <cassert>
#include <cstddef>
#include <cstdint>

#include "storage/memory/bucket.h"
#include "storage/memory/prefetch.h"
#include "storage/memory/record_arena.h"

namespace slotway::storage {

// Where tables take memory from, and how much they hold.
struct TableMemory {
  RecordArena& arena;
  std::size_t index_bytes = 0;
};

// When a table that has become too large for what is left in it gets smaller.
enum class Shrinking : std::uint8_t {
  kAtOnce,
  kLater,  // when Shrink() is called, or most of it is empty: for who erases many entries
};

class BucketTable {
 public:
  static constexpr std::uint32_t kTagEnd = 1u << 16;

  std::uint32_t size() const { return size_; }
  std::uint32_t bucket_count() const { return bucket_count_; }

  // The first entry with this tag for which match(ref) is true.
  template <class MatchFn>
  Spot Find(std::uint16_t tag, MatchFn&& match) const;
  // Brings what leads to the home bucket of `tag` into the cache: to be called some time before
  // PrefetchHome().
  void PrefetchPath(std::uint16_t tag) const {
    if (bucket_count_ > kSegmentBuckets) PrefetchLine(&segments_[HomeOf(tag) / kSegmentBuckets]);
  }
  // Brings the home bucket of `tag` into the cache; returns it, nullptr when there is none.
  const Bucket* PrefetchHome(std::uint16_t tag) const {
    if (bucket_count_ == 0) return nullptr;
    const Bucket* home = BucketAt(HomeOf(tag));
    PrefetchLine(home);
    return home;
  }

  // Adds an entry without looking for an equal one. Moves entries: spots are invalid after it.
  Spot Insert(TableMemory& memory, std::uint16_t tag, ArenaRef ref);
  // May shrink the table: spots are invalid after it.
  void Erase(TableMemory& memory, Spot spot, Shrinking shrinking = Shrinking::kAtOnce);
  // Makes up for Shrinking::kLater; true if there was something to do. Spots are invalid after it.
  bool Shrink(TableMemory& memory);
  // Makes room for `entries` in all and places everything anew.
  void Resize(TableMemory& memory, std::uint32_t entries);
  // Forgets all entries and gives the memory back.
  void Clear(TableMemory& memory);

  // visit(Spot) for every entry.
  template <class VisitFn>
  void ForEach(VisitFn&& visit) const;
  // visit(Spot) for every entry with first_tag <= tag < end_tag. REQUIRES: first_tag < end_tag.
  template <class VisitFn>
  void VisitTags(std::uint32_t first_tag, std::uint32_t end_tag, VisitFn&& visit) const;
  // The first tag whose home is after the home of `tag`; kTagEnd at the end.
  std::uint32_t TagOfNextHome(std::uint32_t tag) const {
    if (bucket_count_ == 0) return kTagEnd;
    const std::uint64_t next_home = std::uint64_t{HomeOf(tag)} + 1;
    return static_cast<std::uint32_t>((next_home * kTagEnd + bucket_count_ - 1) / bucket_count_);
  }
  // Any entry, all equally likely. `next` returns uniform 64-bit numbers. REQUIRES: size() > 0.
  template <class RandomFn>
  Spot RandomSpot(RandomFn&& next) const;

 private:
  static constexpr std::uint32_t kSegmentBuckets = 8;

  std::uint32_t HomeOf(std::uint32_t tag) const { return tag * std::uint64_t{bucket_count_} >> 16; }
  std::uint32_t Next(std::uint32_t bucket) const {
    return bucket + 1 == bucket_count_ ? 0 : bucket + 1;
  }
  static std::uint32_t SegmentCount(std::uint32_t buckets) {
    return (buckets + kSegmentBuckets - 1) / kSegmentBuckets;
  }
  static std::uint32_t SegmentLength(std::uint32_t segment, std::uint32_t buckets) {
    const std::uint32_t rest = buckets - segment * kSegmentBuckets;
    return rest < kSegmentBuckets ? rest : kSegmentBuckets;
  }
  Bucket* BucketAt(std::uint32_t bucket) const {
    if (bucket_count_ <= kSegmentBuckets) return only_ + bucket;
    return segments_[bucket / kSegmentBuckets] + bucket % kSegmentBuckets;
  }
  bool IsSparse(std::uint64_t load10) const {
    return size_ * std::uint64_t{10} < bucket_count_ * load10 || size_ == 0;
  }
  Spot Place(std::uint16_t tag, ArenaRef ref);
  void SetBucketCount(TableMemory& memory, std::uint32_t count);
  void Rebuild(TableMemory& memory, std::uint32_t bucket_count);

  union {
    Bucket* only_ = nullptr;  // while there is one segment
    Bucket** segments_;
  };
  std::uint32_t bucket_count_ = 0;
  std::uint32_t size_ = 0;
};

template <class MatchFn>
Spot BucketTable::Find(std::uint16_t tag, MatchFn&& match) const {
  if (bucket_count_ == 0) return {};
  const std::uint32_t home = HomeOf(tag);
  std::uint32_t at = home;
  do {
    Bucket* bucket = BucketAt(at);
    for (unsigned bits = bucket->Match(tag); bits != 0; bits &= bits - 1) {
      const int index = __builtin_ctz(bits);
      if (match(bucket->Ref(index))) return {bucket, index};
    }
    if (!bucket->MayHavePassed(tag)) return {};
    at = Next(at);
  } while (at != home);
  return {};
}

template <class VisitFn>
void BucketTable::ForEach(VisitFn&& visit) const {
  for (std::uint32_t at = 0; at < bucket_count_; ++at) {
    Bucket* bucket = BucketAt(at);
    for (unsigned bits = bucket->occupied; bits != 0; bits &= bits - 1) {
      visit(Spot{bucket, __builtin_ctz(bits)});
    }
  }
}

template <class VisitFn>
void BucketTable::VisitTags(std::uint32_t first_tag, std::uint32_t end_tag, VisitFn&& visit) const {
  if (bucket_count_ == 0) return;
  const bool is_one_tag = end_tag - first_tag == 1;
  std::uint32_t homes_left = HomeOf(end_tag - 1) - HomeOf(first_tag);
  std::uint32_t at = HomeOf(first_tag);
  for (std::uint32_t looked = 0; looked < bucket_count_; ++looked, at = Next(at)) {
    Bucket* bucket = BucketAt(at);
    unsigned bits =
        is_one_tag ? bucket->Match(static_cast<std::uint16_t>(first_tag)) : bucket->occupied;
    for (; bits != 0; bits &= bits - 1) {
      const int index = __builtin_ctz(bits);
      const std::uint32_t tag = bucket->tags[index];
      if (tag >= first_tag && tag < end_tag) visit(Spot{bucket, index});
    }
    if (homes_left > 0) {
      --homes_left;
    } else if (bucket->passed == 0 ||
               (is_one_tag && !bucket->MayHavePassed(static_cast<std::uint16_t>(first_tag)))) {
      return;
    }
  }
}

template <class RandomFn>
Spot BucketTable::RandomSpot(RandomFn&& next) const {
  assert(size_ > 0);
  while (true) {
    const std::uint64_t random = next();
    const auto at = static_cast<std::uint32_t>((random >> 32) * bucket_count_ >> 32);
    const int index = static_cast<int>(random & (Bucket::kEntries - 1));
    Bucket* bucket = BucketAt(at);
    if (bucket->Holds(index)) return {bucket, index};
  }
}

}  // namespace slotway::storage
