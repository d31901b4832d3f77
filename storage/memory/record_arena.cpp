// SPDX-License-Identifier: Apache-2.0
#include "storage/memory/record_arena.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>

namespace slotway::storage {
namespace {

constexpr std::size_t kSmallMax = 1024;
constexpr std::size_t kMediumMax = 4096;
constexpr int kSmallClasses = kSmallMax / 8;
constexpr int kMediumClasses = (kMediumMax - kSmallMax) / 64;

constexpr std::size_t kSystemPageBytes = 4096;
// Address space is made writable in pieces of this many pages, to keep system calls rare.
constexpr std::uint32_t kCommitPages = 1024;
// What freeing one large object gives back at once; the rest follows in later calls.
constexpr std::size_t kReleaseStepBytes = 4 * 1024 * 1024;
constexpr std::size_t kReserveMinBytes = std::size_t{1} << 32;

constexpr std::size_t RoundUp(std::size_t value, std::size_t step) {
  return (value + step - 1) / step * step;
}

}  // namespace

RecordArena::RecordArena(std::size_t reserve_bytes) {
  reserve_bytes = RoundUp(std::max(reserve_bytes, 4 * kPageBytes * kCommitPages), 2 * kPageBytes);
  while ((base_ = Reserve(reserve_bytes)) == nullptr) {
    if (reserve_bytes / 2 < kReserveMinBytes) throw std::bad_alloc();
    reserve_bytes /= 2;
  }
  reserve_bytes_ = reserve_bytes;
  large_base_ = base_ + reserve_bytes / 2;
  large_end_ = PageIndex(large_base_);

  const std::size_t table_bytes = reserve_bytes / kPageBytes * sizeof(Page);
  void* table = mmap(nullptr, table_bytes, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (table == MAP_FAILED) {
    munmap(base_, reserve_bytes_);
    throw std::bad_alloc();
  }
  pages_ = static_cast<Page*>(table);
}

RecordArena::~RecordArena() {
  ASAN_UNPOISON_MEMORY_REGION(base_, slab_pages_end_ * kPageBytes);
  ASAN_UNPOISON_MEMORY_REGION(large_base_, (large_end_ - PageIndex(large_base_)) * kPageBytes);
  munmap(base_, reserve_bytes_);
  munmap(pages_, reserve_bytes_ / kPageBytes * sizeof(Page));
}

// Slab pages must start at multiples of their size for 64-byte alignment inside them; mmap only
// promises the system's page size, which is enough for that.
std::byte* RecordArena::Reserve(std::size_t bytes) {
  void* range = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return range == MAP_FAILED ? nullptr : static_cast<std::byte*>(range);
}

void RecordArena::Commit(std::byte* from, std::size_t bytes) {
  if (mprotect(from, bytes, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
}

int RecordArena::ClassOf(std::size_t bytes) {
  if (bytes <= kSmallMax) return static_cast<int>((bytes + 7) / 8) - 1;
  if (bytes <= kMediumMax)
    return kSmallClasses + static_cast<int>((bytes - kSmallMax + 63) / 64) - 1;
  return kSmallClasses + kMediumClasses + static_cast<int>((bytes - kMediumMax + 255) / 256) - 1;
}

std::size_t RecordArena::ClassBytes(int size_class) {
  if (size_class < kSmallClasses) return static_cast<std::size_t>(size_class + 1) * 8;
  size_class -= kSmallClasses - 1;
  if (size_class <= kMediumClasses) return kSmallMax + static_cast<std::size_t>(size_class) * 64;
  return kMediumMax + static_cast<std::size_t>(size_class - kMediumClasses) * 256;
}

std::size_t RecordArena::RoundedBytes(std::size_t bytes) {
  if (bytes <= kSlabMaxBytes) return ClassBytes(ClassOf(bytes));
  return RoundUp(bytes, kSystemPageBytes);
}

std::size_t RecordArena::UsableBytes(const std::byte* object) const {
  const Page& page = pages_[PageIndex(object)];
  // Of a large object's first page, `prev` is its size in system pages.
  return IsLarge(object) ? page.prev * kSystemPageBytes : ClassBytes(page.size_class);
}

std::byte* RecordArena::Allocate(std::size_t bytes) {
  assert(bytes > 0);
  std::byte* object = bytes <= kSlabMaxBytes ? AllocateSlab(ClassOf(bytes)) : AllocateLarge(bytes);
  allocated_bytes_ += RoundedBytes(bytes);
  return object;
}

void RecordArena::Free(std::byte* object) {
  allocated_bytes_ -= UsableBytes(object);
  if (IsLarge(object)) {
    FreeLarge(object);
  } else {
    FreeSlab(object);
  }
}

std::size_t RecordArena::held_bytes() const {
  return (std::size_t{slab_pages_in_use_} + kept_count_) * kPageBytes + large_bytes_ +
         releasing_bytes_;
}

// ---- Slab pages ----

// `fresh` counts in 8-byte units and 8192 fits in 16 bits, so a page handed out whole needs no
// special mark; 0xffff is out of reach of both fields.
std::byte* RecordArena::AllocateSlab(int size_class) {
  const std::size_t size = ClassBytes(size_class);
  std::uint32_t index = with_room_[static_cast<std::size_t>(size_class)];
  if (index == kNoPage) {
    index = TakeFreePage();
    pages_[index] = Page{.next = kNoPage,
                         .prev = kNoPage,
                         .size_class = static_cast<std::uint16_t>(size_class),
                         .used = 0,
                         .free_head = kNoFree,
                         .fresh = 0};
    Link(index);
  }
  Page& page = pages_[index];
  std::byte* object;
  if (page.free_head != kNoFree) {
    object = PageAddress(index) + page.free_head * 8;
    ASAN_UNPOISON_MEMORY_REGION(object, size);
    std::memcpy(&page.free_head, object, sizeof page.free_head);
  } else {
    object = PageAddress(index) + page.fresh * 8;
    page.fresh = static_cast<std::uint16_t>(page.fresh + size / 8);
  }
  ++page.used;
  if (!HasRoom(page)) Unlink(index);
  return object;
}

void RecordArena::FreeSlab(std::byte* object) {
  const std::uint32_t index = PageIndex(object);
  Page& page = pages_[index];
  assert(page.used > 0);
  const std::size_t size = ClassBytes(page.size_class);
  const bool is_listed = !IsSparse(page);
  const bool was_full = !HasRoom(page);
  std::memcpy(object, &page.free_head, sizeof page.free_head);
  ASAN_POISON_MEMORY_REGION(object, size);
  page.free_head = static_cast<std::uint16_t>((object - PageAddress(index)) / 8);
  --page.used;
  if (was_full && is_listed) Link(index);
  if (page.used == 0) {
    if (is_listed) Unlink(index);
    page.prev = kNoPage;
    ReturnEmptyPage(index);
  }
}

// A page is worth to be emptied if a quarter of it is free, and if what such pages of its size hold
// fits on fewer. Pages that are not full are listed.
std::size_t RecordArena::MarkSparse() {
  for (int size_class = 0; size_class < kClassCount; ++size_class) {
    const std::size_t capacity = kPageBytes / ClassBytes(size_class);
    const std::size_t first = sparse_pages_.size();
    std::size_t used = 0;
    for (std::uint32_t index = with_room_[static_cast<std::size_t>(size_class)]; index != kNoPage;
         index = pages_[index].next) {
      if (pages_[index].used * std::size_t{4} > capacity * 3) continue;
      sparse_pages_.push_back(index);
      used += pages_[index].used;
    }
    const std::size_t needed = (used + capacity - 1) / capacity;
    if (sparse_pages_.size() - first <= needed) sparse_pages_.resize(first);
    for (std::size_t i = first; i < sparse_pages_.size(); ++i) {
      Unlink(sparse_pages_[i]);
      pages_[sparse_pages_[i]].prev = kSparse;
    }
  }
  return sparse_pages_.size();
}

// Some of them have become empty, and may be in use for something else.
void RecordArena::UnmarkSparse() {
  for (const std::uint32_t index : sparse_pages_) {
    if (!IsSparse(pages_[index])) continue;
    pages_[index].prev = kNoPage;
    if (HasRoom(pages_[index])) Link(index);
  }
  sparse_pages_ = {};
}

void RecordArena::Link(std::uint32_t index) {
  std::uint32_t& head = with_room_[pages_[index].size_class];
  pages_[index].prev = kNoPage;
  pages_[index].next = head;
  if (head != kNoPage) pages_[head].prev = index;
  head = index;
}

void RecordArena::Unlink(std::uint32_t index) {
  Page& page = pages_[index];
  if (page.prev != kNoPage) {
    pages_[page.prev].next = page.next;
  } else {
    with_room_[page.size_class] = page.next;
  }
  if (page.next != kNoPage) pages_[page.next].prev = page.prev;
  page.next = page.prev = kNoPage;
}

std::uint32_t RecordArena::TakeFreePage() {
  ++slab_pages_in_use_;
  if (kept_pages_ != kNoPage) {
    const std::uint32_t index = kept_pages_;
    kept_pages_ = pages_[index].next;
    --kept_count_;
    return index;
  }
  if (clean_pages_ != kNoPage) {
    const std::uint32_t index = clean_pages_;
    clean_pages_ = pages_[index].next;
    return index;
  }
  if (slab_pages_end_ >= slab_committed_) {
    if (PageAddress(slab_committed_ + kCommitPages) > large_base_) throw std::bad_alloc();
    Commit(PageAddress(slab_committed_), kCommitPages * kPageBytes);
    slab_committed_ += kCommitPages;
  }
  return slab_pages_end_++;
}

void RecordArena::ReturnEmptyPage(std::uint32_t index) {
  --slab_pages_in_use_;
  ASAN_UNPOISON_MEMORY_REGION(PageAddress(index), kPageBytes);
  if (kept_count_ < kPagesKept) {
    pages_[index].next = kept_pages_;
    kept_pages_ = index;
    ++kept_count_;
    return;
  }
  madvise(PageAddress(index), kPageBytes, MADV_DONTNEED);
  pages_[index].next = clean_pages_;
  clean_pages_ = index;
}

bool RecordArena::ReleaseFreed(std::size_t max_bytes) {
  std::size_t released = ReleaseRuns(max_bytes);
  while (released < max_bytes && kept_pages_ != kNoPage) {
    const std::uint32_t index = kept_pages_;
    kept_pages_ = pages_[index].next;
    --kept_count_;
    madvise(PageAddress(index), kPageBytes, MADV_DONTNEED);
    released += kPageBytes;
    pages_[index].next = clean_pages_;
    clean_pages_ = index;
  }
  return !releasing_.empty() || kept_pages_ != kNoPage;
}

// ---- Large objects ----

std::byte* RecordArena::AllocateLarge(std::size_t bytes) {
  const std::size_t rounded = RoundUp(bytes, kSystemPageBytes);
  const auto count = static_cast<std::uint32_t>((bytes + kPageBytes - 1) / kPageBytes);
  std::uint32_t first;
  if (auto fit = runs_by_count_.lower_bound({count, 0}); fit != runs_by_count_.end()) {
    const auto [run_count, run_first] = *fit;
    RemoveFreeRun(run_first, run_count);
    if (run_count > count) AddFreeRun(run_first + count, run_count - count);
    first = run_first;
  } else {
    first = large_end_;
    if (PageAddress(first) + count * kPageBytes > base_ + reserve_bytes_) throw std::bad_alloc();
    Commit(PageAddress(first), count * kPageBytes);
    large_end_ += count;
  }
  pages_[first].next = count;
  pages_[first].prev = static_cast<std::uint32_t>(rounded / kSystemPageBytes);
  large_bytes_ += rounded;
  ASAN_UNPOISON_MEMORY_REGION(PageAddress(first), rounded);
  return PageAddress(first);
}

void RecordArena::FreeLarge(std::byte* object) {
  const std::uint32_t first = PageIndex(object);
  const std::uint32_t count = pages_[first].next;
  large_bytes_ -= UsableBytes(object);
  releasing_bytes_ += count * kPageBytes;
  ASAN_POISON_MEMORY_REGION(object, count * kPageBytes);
  releasing_.push_back({first, count, 0});

  ReleaseRuns(kReleaseStepBytes);
}

std::size_t RecordArena::ReleaseRuns(std::size_t max_bytes) {
  std::size_t released = 0;
  while (released < max_bytes && !releasing_.empty()) {
    Run& run = releasing_.front();
    const std::size_t wish = (max_bytes - released + kPageBytes - 1) / kPageBytes;
    const auto step =
        static_cast<std::uint32_t>(std::min<std::size_t>(run.count - run.released, wish));
    madvise(PageAddress(run.first + run.released), step * kPageBytes, MADV_DONTNEED);
    run.released += step;
    released += step * kPageBytes;
    if (run.released == run.count) {
      AddFreeRun(run.first, run.count);
      releasing_.pop_front();
    }
  }
  releasing_bytes_ -= released;
  return released;
}

void RecordArena::AddFreeRun(std::uint32_t first, std::uint32_t count) {
  if (auto after = runs_by_start_.lower_bound(first); after != runs_by_start_.end()) {
    const auto [next_first, next_count] = *after;
    if (next_first == first + count) {
      RemoveFreeRun(next_first, next_count);
      count += next_count;
    }
  }
  if (auto after = runs_by_start_.lower_bound(first); after != runs_by_start_.begin()) {
    const auto [prev_first, prev_count] = *std::prev(after);
    if (prev_first + prev_count == first) {
      RemoveFreeRun(prev_first, prev_count);
      first = prev_first;
      count += prev_count;
    }
  }
  runs_by_start_.emplace(first, count);
  runs_by_count_.emplace(count, first);
}

void RecordArena::RemoveFreeRun(std::uint32_t first, std::uint32_t count) {
  runs_by_start_.erase(first);
  runs_by_count_.erase({count, first});
}

}  // namespace slotway::storage
