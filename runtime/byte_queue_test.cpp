// SPDX-License-Identifier: Apache-2.0
#include "runtime/byte_queue.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <random>
#include <vector>

namespace slotway::runtime {
namespace {

std::string Gathered(const ByteQueue& queue, ByteQueue::Position from, std::size_t pieces_max) {
  std::string all;
  std::vector<iovec> pieces(pieces_max);
  while (from < queue.End()) {
    std::size_t count = queue.Gather(from, pieces);
    if (count == 0) break;
    for (std::size_t i = 0; i < count; ++i) {
      all.append(static_cast<const char*>(pieces[i].iov_base), pieces[i].iov_len);
      from += pieces[i].iov_len;
    }
  }
  return all;
}

TEST(ByteQueue, AnEmptyQueue) {
  ByteQueue queue;
  EXPECT_TRUE(queue.Empty());
  iovec piece;
  EXPECT_EQ(queue.Gather(0, std::span(&piece, 1)), 0u);
  queue.Append("");
  queue.Clear();
  EXPECT_EQ(queue.Size(), 0u);
}

TEST(ByteQueue, WhatIsKeptReadyIsKnown) {
  const std::size_t before = ByteQueue::IdleBytes();
  {
    ByteQueue queue;
    for (int i = 0; i < 8; ++i) queue.Append(std::string(ByteQueue::kChunkBytes, 'x'));
    EXPECT_LE(ByteQueue::IdleBytes(), before);
  }
  EXPECT_GE(ByteQueue::IdleBytes(), 8 * ByteQueue::kChunkBytes);
  ByteQueue again;
  again.Append("x");
  EXPECT_GE(ByteQueue::IdleBytes(), 7 * ByteQueue::kChunkBytes);
}

TEST(ByteQueue, PositionsGoOnAfterClear) {
  ByteQueue queue;
  queue.Append("hello");
  queue.Clear();
  EXPECT_EQ(queue.Begin(), 5u);
  queue.Append("world");
  EXPECT_EQ(queue.End(), 10u);
  std::string copy;
  queue.CopyTo(6, 3, copy);
  EXPECT_EQ(copy, "orl");
}

// Random appends, reservations and releases against a plain string.
TEST(ByteQueue, BehavesAsAString) {
  for (unsigned seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    ByteQueue queue;
    std::string model;  // bytes [queue.Begin(), queue.End())
    char next = 'a';
    for (int step = 0; step < 2000; ++step) {
      std::size_t size = random() % (random() % 20 == 0 ? 40000 : 200);
      std::string bytes(size, next = next == 'z' ? 'a' : static_cast<char>(next + 1));
      switch (random() % 6) {
        case 0:
        case 1:
          queue.Append(bytes);
          model += bytes;
          break;
        case 2:
          queue.AppendShared(std::make_shared<const std::string>(bytes));
          model += bytes;
          break;
        case 3: {
          size = std::min(size, ByteQueue::kChunkBytes);
          std::size_t used = size == 0 ? 0 : random() % size;
          std::copy_n(bytes.begin(), used, queue.Reserve(size));
          queue.CommitReserved(used);
          model += bytes.substr(0, used);
          break;
        }
        case 4: {
          std::size_t kept = model.empty() ? 0 : random() % (model.size() + 1);
          if (random() % 4 == 0) kept = model.size() - model.size() / 8;
          queue.TruncateTo(queue.Begin() + kept);
          model.erase(kept);
          break;
        }
        default: {
          std::size_t released = model.empty() ? 0 : random() % (model.size() + 1);
          queue.ReleaseTo(queue.Begin() + released);
          model.erase(0, released);
        }
      }
      ASSERT_EQ(queue.Size(), model.size());
      if (step % 50 != 0) continue;
      ASSERT_EQ(Gathered(queue, queue.Begin(), 1 + random() % 5), model);
      std::size_t from = model.empty() ? 0 : random() % model.size();
      std::size_t length = model.empty() ? 0 : random() % (model.size() - from + 1);
      std::string copy;
      queue.CopyTo(queue.Begin() + from, length, copy);
      ASSERT_EQ(copy, model.substr(from, length));
    }
  }
}

// shared: that is what is tested.
TEST(ByteQueue, SharedBytesAreKeptOnceAndGoWithTheLastWhoHasThem) {
  auto bytes = std::make_shared<const std::string>(100'000, 'x');
  auto first = std::make_unique<ByteQueue>();
  ByteQueue second;
  first->Append("before ");
  first->AppendShared(bytes);
  first->Append(" behind");
  second.AppendShared(bytes);
  EXPECT_EQ(bytes.use_count(), 3);
  EXPECT_EQ(Gathered(*first, 0, 2), "before " + *bytes + " behind");
  EXPECT_EQ(Gathered(second, 99'990, 2), "xxxxxxxxxx");
  second.ReleaseTo(50'000);
  EXPECT_EQ(bytes.use_count(), 3) << "half of it is still to be written";
  second.ReleaseTo(100'000);
  EXPECT_EQ(bytes.use_count(), 2);
  first.reset();
  EXPECT_EQ(bytes.use_count(), 1);
}

}  // namespace
}  // namespace slotway::runtime
