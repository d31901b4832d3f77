// SPDX-License-Identifier: Apache-2.0
#include "runtime/byte_queue.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdlib>
#include <malloc.h>
#include <new>
#include <utility>

namespace slotway::runtime {

// Free chunks of the standard size, per thread. Bounded, so that a burst's memory goes back. They
// are not linked through their own memory: that has left the cache when a chunk is taken again, and
// is only written to then.
class ByteQueue::ChunkPool {
 public:
  ~ChunkPool() {
    while (count_ > 0) std::free(free_[--count_]);
  }
  Chunk* Take(std::size_t capacity) {
    if (capacity == kChunkBytes && count_ > 0) return free_[--count_];
    void* memory = std::malloc(sizeof(Chunk) + capacity);
    if (memory == nullptr) throw std::bad_alloc();
    return static_cast<Chunk*>(memory);
  }
  void Give(Chunk* chunk) {
    if (chunk->capacity == 0) {
      delete static_cast<SharedChunk*>(chunk);
      return;
    }
    if (chunk->capacity != kChunkBytes || count_ >= free_.size()) {
      std::free(chunk);
      return;
    }
    if (chunk_bytes_ == 0) chunk_bytes_ = malloc_usable_size(chunk);
    free_[count_++] = chunk;
  }
  std::size_t IdleBytes() const { return count_ * chunk_bytes_; }
  static ChunkPool& OfThisThread() {
    thread_local ChunkPool pool;
    return pool;
  }

 private:
  std::array<Chunk*, 256> free_;  // 4 MiB
  std::size_t count_ = 0;
  std::size_t chunk_bytes_ = 0;  // what each takes; asking for every one is dear
};

std::size_t ByteQueue::IdleBytes() { return ChunkPool::OfThisThread().IdleBytes(); }

void ByteQueue::AddChunk(std::size_t capacity) {
  Chunk* chunk = ChunkPool::OfThisThread().Take(capacity);
  chunk->capacity = capacity;
  chunk->data = chunk->OwnData();
  Link(chunk);
  tail_write_ = chunk->OwnData();
  tail_room_ = capacity;
}

void ByteQueue::Link(Chunk* chunk) {
  chunk->next = nullptr;
  chunk->first = end_;
  chunk->used = 0;
  if (tail_ == nullptr) {
    head_ = chunk;
  } else {
    tail_->used = static_cast<std::size_t>(end_ - tail_->first);
    tail_->next = chunk;
  }
  tail_ = chunk;
}

// shared: see its declaration.
void ByteQueue::AppendShared(std::shared_ptr<const std::string> bytes) {
  if (bytes->empty()) return;
  auto* chunk = new SharedChunk;
  chunk->capacity = 0;
  chunk->data = bytes->data();
  chunk->bytes = std::move(bytes);
  Link(chunk);
  end_ += chunk->bytes->size();
  tail_write_ = nullptr;
  tail_room_ = 0;
}

void ByteQueue::AppendSlow(std::string_view bytes) {
  if (bytes.empty()) return;
  std::size_t fits = std::min(bytes.size(), tail_room_);
  if (fits > 0) {
    std::memcpy(tail_write_, bytes.data(), fits);
    CommitReserved(fits);
    bytes.remove_prefix(fits);
  }
  AddChunk(std::max(bytes.size(), kChunkBytes));
  std::memcpy(tail_write_, bytes.data(), bytes.size());
  CommitReserved(bytes.size());
}

char* ByteQueue::Reserve(std::size_t bytes) {
  assert(bytes <= kChunkBytes);
  if (bytes > tail_room_) AddChunk(kChunkBytes);
  return tail_write_;
}

std::size_t ByteQueue::Gather(Position from, std::span<iovec> out) const {
  assert(from >= begin_ && from <= end_);
  const Chunk* chunk = cursor_ != nullptr && cursor_->first <= from ? cursor_ : head_;
  while (chunk != nullptr && EndOf(*chunk) <= from) chunk = chunk->next;
  cursor_ = const_cast<Chunk*>(chunk);
  std::size_t pieces = 0;
  for (; chunk != nullptr && pieces < out.size(); chunk = chunk->next) {
    std::size_t offset = static_cast<std::size_t>(from - chunk->first);
    std::size_t length = static_cast<std::size_t>(EndOf(*chunk) - from);
    if (length == 0) continue;
    out[pieces++] = {const_cast<char*>(chunk->data) + offset, length};
    from += length;
  }
  return pieces;
}

void ByteQueue::CopyTo(Position from, std::size_t length, std::string& out) const {
  assert(from >= begin_ && from + length <= end_);
  const Chunk* chunk = head_;
  while (chunk != nullptr && EndOf(*chunk) <= from) chunk = chunk->next;
  while (length > 0) {
    std::size_t offset = static_cast<std::size_t>(from - chunk->first);
    std::size_t piece = std::min(length, static_cast<std::size_t>(EndOf(*chunk) - from));
    out.append(chunk->data + offset, piece);
    from += piece;
    length -= piece;
    chunk = chunk->next;
  }
}

void ByteQueue::ReleaseTo(Position position) {
  assert(position >= begin_ && position <= end_);
  begin_ = position;
  if (position == end_) {
    Clear();
    return;
  }
  while (EndOf(*head_) <= position) {
    Chunk* next = head_->next;
    if (cursor_ == head_) cursor_ = nullptr;
    ChunkPool::OfThisThread().Give(head_);
    head_ = next;
  }
}

void ByteQueue::TruncateTo(Position position) {
  assert(position >= begin_ && position <= end_);
  cursor_ = nullptr;
  if (position == begin_) {
    Clear();
    begin_ = end_ = position;
    return;
  }
  Chunk* last = head_;
  while (EndOf(*last) < position) last = last->next;
  for (Chunk* chunk = last->next; chunk != nullptr;) {
    Chunk* next = chunk->next;
    ChunkPool::OfThisThread().Give(chunk);
    chunk = next;
  }
  last->next = nullptr;
  tail_ = last;
  end_ = position;
  // Of a chunk that is shared nothing may be written to.
  const auto used = static_cast<std::size_t>(position - last->first);
  tail_write_ = last->capacity == 0 ? nullptr : last->OwnData() + used;
  tail_room_ = last->capacity == 0 ? 0 : last->capacity - used;
}

void ByteQueue::Clear() {
  for (Chunk* chunk = head_; chunk != nullptr;) {
    Chunk* next = chunk->next;
    ChunkPool::OfThisThread().Give(chunk);
    chunk = next;
  }
  head_ = tail_ = cursor_ = nullptr;
  tail_write_ = nullptr;
  tail_room_ = 0;
  begin_ = end_;
}

}  // namespace slotway::runtime
