// SPDX-License-Identifier: Apache-2.0
// Memory for records and for the index: one reserved range of addresses, so that five bytes name
// any allocation (its offset divided by 8).
//
// The lower half of the range is slab pages: 64 KiB each, all objects of one size, sizes in steps
// of 8 bytes up to 1 KiB, 64 up to 4 KiB, 256 up to 32 KiB. Objects whose size is a multiple of 64
// are aligned to 64. The upper half holds larger objects, each in page runs of its own. Pages that
// become empty are given back to the system, a few are kept for reuse.
// What is on pages that are nearly empty can be moved to others: see MarkSparse().
// One thread only. Running out of memory or of the range throws std::bad_alloc, as new does.
#pragma once

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <utility>
#include <vector>

namespace slotway::storage {

// Names an allocation: its offset in the arena / 8, below 2^40.
using ArenaRef = std::uint64_t;

class RecordArena {
 public:
  static constexpr std::size_t kPageBytes = 64 * 1024;
  static constexpr std::size_t kSlabMaxBytes = 32 * 1024;
  static constexpr std::size_t kDefaultReserveBytes = std::size_t{1} << 40;

  // Reserves addresses only; halves the wish until the system agrees.
  explicit RecordArena(std::size_t reserve_bytes = kDefaultReserveBytes);
  ~RecordArena();
  RecordArena(const RecordArena&) = delete;
  RecordArena& operator=(const RecordArena&) = delete;

  // At least `bytes`, aligned to 8. REQUIRES: bytes > 0.
  std::byte* Allocate(std::size_t bytes);
  void Free(std::byte* object);

  // What an allocation of `bytes` would take, and what `object` takes.
  static std::size_t RoundedBytes(std::size_t bytes);
  std::size_t UsableBytes(const std::byte* object) const;

  ArenaRef RefOf(const std::byte* object) const {
    return static_cast<ArenaRef>(object - base_) / 8;
  }
  std::byte* At(ArenaRef ref) const { return base_ + ref * 8; }

  // Pages of which much is free are sparse from MarkSparse() to UnmarkSparse(): nothing new comes
  // onto them, so that they become empty when what is there is moved. Returns how many there are.
  // Takes about a nanosecond for each page that was ever used.
  std::size_t MarkSparse();
  void UnmarkSparse();
  bool IsOnSparsePage(const std::byte* object) const {
    return !IsLarge(object) && IsSparse(pages_[PageIndex(object)]);
  }
  // Bytes of slab pages that hold nothing, but for those of empty pages.
  std::size_t FreeSlabBytes() const {
    return slab_pages_in_use_ * kPageBytes - (allocated_bytes_ - large_bytes_);
  }

  // Bytes handed out, rounding included.
  std::size_t allocated_bytes() const { return allocated_bytes_; }
  // Bytes of pages that are in use or kept for reuse: what the arena asks of the system.
  std::size_t held_bytes() const;

  // Gives back up to about `max_bytes` of freed memory that was kept or was too large to give back
  // at once; true while there is more.
  bool ReleaseFreed(std::size_t max_bytes);

 private:
  static constexpr int kClassCount = 128 + 48 + 112;
  static constexpr std::uint32_t kNoPage = 0;  // page 0 is never used: reference 0 means nothing
  static constexpr std::uint32_t kPagesKept = 64;
  static constexpr std::uint16_t kNoFree = 0xffff;
  static constexpr std::uint32_t kSparse = 0xffffffff;  // in Page::prev: it is in no list

  // One per 64 KiB of the range; zero bytes are a page never used.
  struct Page {
    std::uint32_t next;  // in the list of pages with room, or of free pages
    std::uint32_t prev;  // slab only
    std::uint16_t size_class;
    std::uint16_t used;       // objects handed out
    std::uint16_t free_head;  // offset / 8 of the first freed object
    std::uint16_t fresh;      // offset / 8 of the part never handed out
  };
  static_assert(sizeof(Page) == 16);

  static int ClassOf(std::size_t bytes);
  static std::size_t ClassBytes(int size_class);
  std::uint32_t PageIndex(const std::byte* object) const {
    return static_cast<std::uint32_t>(static_cast<std::size_t>(object - base_) / kPageBytes);
  }
  std::byte* PageAddress(std::uint32_t page) const { return base_ + page * kPageBytes; }
  bool IsLarge(const std::byte* object) const { return object >= large_base_; }

  std::byte* AllocateSlab(int size_class);
  void FreeSlab(std::byte* object);
  std::uint32_t TakeFreePage();
  void ReturnEmptyPage(std::uint32_t page);
  static bool IsSparse(const Page& page) { return page.prev == kSparse; }
  bool HasRoom(const Page& page) const {
    return page.free_head != kNoFree ||
           page.fresh * std::size_t{8} + ClassBytes(page.size_class) <= kPageBytes;
  }
  void Link(std::uint32_t page);
  void Unlink(std::uint32_t page);

  std::byte* AllocateLarge(std::size_t bytes);
  void FreeLarge(std::byte* object);
  std::size_t ReleaseRuns(std::size_t max_bytes);
  void AddFreeRun(std::uint32_t first, std::uint32_t count);
  void RemoveFreeRun(std::uint32_t first, std::uint32_t count);

  void Commit(std::byte* from, std::size_t bytes);
  std::byte* Reserve(std::size_t bytes);

  std::byte* base_ = nullptr;
  std::byte* large_base_ = nullptr;
  Page* pages_ = nullptr;
  std::size_t reserve_bytes_ = 0;
  std::size_t allocated_bytes_ = 0;

  std::uint32_t slab_pages_end_ = 1;  // pages below were used at least once
  std::uint32_t slab_committed_ = 0;  // pages below may be written
  std::uint32_t slab_pages_in_use_ = 0;
  std::uint32_t kept_pages_ = 0;  // list of empty pages that still have memory
  std::uint32_t kept_count_ = 0;
  std::uint32_t clean_pages_ = 0;  // list of empty pages without memory
  std::array<std::uint32_t, kClassCount> with_room_{};
  std::vector<std::uint32_t> sparse_pages_;

  struct Run {
    std::uint32_t first;
    std::uint32_t count;
    std::uint32_t released;
  };
  std::uint32_t large_end_ = 0;
  std::size_t large_bytes_ = 0;
  std::size_t releasing_bytes_ = 0;
  std::map<std::uint32_t, std::uint32_t> runs_by_start_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> runs_by_count_;
  std::deque<Run> releasing_;
};

}  // namespace slotway::storage
