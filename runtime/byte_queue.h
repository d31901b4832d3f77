// SPDX-License-Identifier: Apache-2.0
// A queue of bytes on their way out: appended at the end, written to a socket, released at the
// front.
//
// Every byte has a position counted from the start of the stream, so that an owner can remember
// "this request began at 81920" and read it again until it is released. Bytes live in fixed-size
// chunks from a pool of the thread's own; what is large gets a chunk of its own size, or is shared
// by many queues. An empty queue holds no memory. Not thread-safe; a queue stays on the thread that
// made it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <sys/uio.h>

namespace slotway::runtime {

class ByteQueue {
 public:
  using Position = std::uint64_t;

  ByteQueue() = default;
  ~ByteQueue() { Clear(); }
  ByteQueue(const ByteQueue&) = delete;
  ByteQueue& operator=(const ByteQueue&) = delete;

  Position Begin() const { return begin_; }
  Position End() const { return end_; }
  std::size_t Size() const { return static_cast<std::size_t>(end_ - begin_); }
  bool Empty() const { return begin_ == end_; }

  void Append(std::string_view bytes) {
    // Nothing at all takes the slow way, too: a queue without a chunk has no place to copy to.
    if (bytes.size() - 1 < tail_room_) [[likely]] {
      std::memcpy(tail_write_, bytes.data(), bytes.size());
      tail_write_ += bytes.size();
      tail_room_ -= bytes.size();
      end_ += bytes.size();
      return;
    }
    AppendSlow(bytes);
  }
  // Appends bytes that other queues have as well, without a copy. For what is large: from a chunk's
  // size on.
  // shared: by all queues that have still to write it.
  void AppendShared(std::shared_ptr<const std::string> bytes);
  // A place for up to `bytes` bytes at the end, in one piece: write there, then CommitReserved().
  // REQUIRES: bytes <= kChunkBytes.
  char* Reserve(std::size_t bytes);
  void CommitReserved(std::size_t bytes) {
    tail_write_ += bytes;
    tail_room_ -= bytes;
    end_ += bytes;
  }

  // Fills `out` with the pieces from `from` on; returns how many pieces, at most out.size().
  std::size_t Gather(Position from, std::span<iovec> out) const;
  // Appends the bytes [from, from + length) to `out`. REQUIRES: they are in the queue.
  void CopyTo(Position from, std::size_t length, std::string& out) const;
  // The bytes before `position` are no longer needed. REQUIRES: Begin() <= position <= End().
  void ReleaseTo(Position position);
  // Takes back what was appended from `position` on. REQUIRES: Begin() <= position <= End().
  void TruncateTo(Position position);
  // Releases everything; positions go on counting.
  void Clear();

  // With its header a chunk takes 16 KiB, which allocators have a size for.
  static constexpr std::size_t kChunkBytes = 16 * 1024 - 5 * sizeof(void*);
  // What the pool of this thread holds ready: allocated, but free.
  static std::size_t IdleBytes();

 private:
  struct Chunk {
    Chunk* next;
    Position first;        // position of data[0]
    std::size_t used;      // valid only once the chunk is no longer the tail
    std::size_t capacity;  // 0: of a SharedChunk
    const char* data;
    char* OwnData() { return reinterpret_cast<char*>(this + 1); }
  };
  static_assert(sizeof(Chunk) + kChunkBytes == 16 * 1024);
  struct SharedChunk : Chunk {
    std::shared_ptr<const std::string> bytes;  // shared: see AppendShared()
  };
  class ChunkPool;

  void AppendSlow(std::string_view bytes);
  void AddChunk(std::size_t capacity);
  void Link(Chunk* chunk);
  Position EndOf(const Chunk& chunk) const {
    return &chunk == tail_ ? end_ : chunk.first + chunk.used;
  }

  Position begin_ = 0;
  Position end_ = 0;
  char* tail_write_ = nullptr;
  std::size_t tail_room_ = 0;
  Chunk* head_ = nullptr;
  Chunk* tail_ = nullptr;
  mutable Chunk* cursor_ = nullptr;  // where the last Gather began: the next begins there or behind
};

}  // namespace slotway::runtime
