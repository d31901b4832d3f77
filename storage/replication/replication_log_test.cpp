// SPDX-License-Identifier: Apache-2.0
#include "storage/replication/replication_log.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace slotway::storage {
namespace {

std::string TextOf(const runtime::ByteQueue& queue) {
  std::string text;
  queue.CopyTo(queue.Begin(), queue.Size(), text);
  return text;
}

TEST(ReplicationLogTest, KeepsWhatIsWanted) {
  ReplicationLog log;
  log.SetWantedBytes(5);
  log.Reset(100);
  log.Append("abc");
  EXPECT_EQ(log.Offset(), 103);
  EXPECT_EQ(log.FirstOffset(), 100);
  log.Append("defgh");
  EXPECT_EQ(log.FirstOffset(), 103);
  EXPECT_TRUE(log.Has(103));
  EXPECT_TRUE(log.Has(108));
  EXPECT_FALSE(log.Has(102));
  EXPECT_FALSE(log.Has(109));
}

TEST(ReplicationLogTest, AReaderGetsWhatItHasNotRead) {
  ReplicationLog log;
  log.SetWantedBytes(2);
  log.Append("abc");
  log.AddReader(3);
  log.Append("defghi");
  EXPECT_EQ(log.FirstOffset(), 3);
  runtime::ByteQueue out;
  std::int64_t place = log.Read(3, 2, out);
  EXPECT_EQ(place, 5);
  EXPECT_EQ(log.FirstOffset(), 5);
  place = log.Read(place, 100, out);
  EXPECT_EQ(place, 9);
  EXPECT_EQ(TextOf(out), "defghi");
  EXPECT_EQ(log.FirstOffset(), 7);
  log.RemoveReader(place);
}

TEST(ReplicationLogTest, BeginsAnewElsewhere) {
  ReplicationLog log;
  log.SetWantedBytes(100);
  log.Append("abc");
  log.Reset(1000);
  EXPECT_EQ(log.Offset(), 1000);
  EXPECT_FALSE(log.Has(3));
  log.Append("xyz");
  log.AddReader(1001);
  runtime::ByteQueue out;
  EXPECT_EQ(log.Read(1001, 10, out), 1003);
  EXPECT_EQ(TextOf(out), "yz");
  log.RemoveReader(1003);
}

TEST(ReplicationLogTest, ManyReadersReadTheSame) {
  ReplicationLog log;
  log.SetWantedBytes(10'000);
  std::mt19937 random(1);
  std::string all;
  struct Reader {
    std::int64_t place = 0;
    runtime::ByteQueue out;
  };
  Reader readers[3];
  for (Reader& reader : readers) log.AddReader(reader.place);
  for (int i = 0; i < 2000; ++i) {
    const std::string bytes(random() % 300, static_cast<char>('a' + i % 26));
    log.Append(bytes);
    all += bytes;
    Reader& reader = readers[random() % 3];
    reader.place = log.Read(reader.place, random() % 2000, reader.out);
  }
  for (Reader& reader : readers) {
    while (reader.place < log.Offset()) reader.place = log.Read(reader.place, 64'000, reader.out);
    EXPECT_EQ(TextOf(reader.out), all);
    log.RemoveReader(reader.place);
  }
  EXPECT_LE(log.Bytes(), 10'000u + 16'384u);
}

}  // namespace
}  // namespace slotway::storage
