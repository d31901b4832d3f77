// SPDX-License-Identifier: Apache-2.0
#include "storage/types/stream_value.h"

#include <gtest/gtest.h>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

using Entries = std::map<StreamId, std::string>;

std::string Printed(const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
  std::string text;
  reader.ForEachField(entry, [&text](std::string_view field, std::string_view value) {
    text.append(field).append("=").append(value).append(" ");
  });
  return text;
}

Entries Forwards(const StreamValue& stream, StreamId first = {}, StreamId last = StreamId::Max()) {
  Entries entries;
  stream.Visit(first, last,
               [&](const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
                 entries.emplace(entry.id, Printed(reader, entry));
                 return true;
               });
  return entries;
}

Entries Backwards(const StreamValue& stream, StreamId first, StreamId last) {
  Entries entries;
  stream.VisitBackwards(first, last,
                        [&](const StreamNodeReader& reader, const StreamNodeReader::Entry& entry) {
                          EXPECT_TRUE(entries.empty() || entry.id < entries.begin()->first);
                          entries.emplace(entry.id, Printed(reader, entry));
                          return true;
                        });
  return entries;
}

// The entries of a model between two ids.
Entries Between(const Entries& model, StreamId first, StreamId last) {
  if (first > last) return {};
  return {model.lower_bound(first), model.upper_bound(last)};
}

TEST(StreamValue, NodesHaveRedisBytes) {
  StreamValue stream;
  const std::string_view first[] = {"a", "1"};
  const std::string_view second[] = {"a", "2", "b", "3"};
  const std::string_view third[] = {"z", "last"};
  stream.Append({1, 1}, first, {});
  stream.Append({1, 2}, second, {});
  stream.Append({5, 0}, third, {});
  ASSERT_EQ(stream.nodes().Size(), 1u);
  EXPECT_EQ(stream.nodes().Begin().id(), (StreamId{1, 1}));
  // As redis-server 7.0.15 dumps it.
  const std::string expected(
      "\x44\x00\x00\x00\x1a\x00"
      "\x03\x01\x00\x01\x01\x01\x81"
      "a\x02\x00\x01"
      "\x02\x01\x00\x01\x00\x01\x01\x01\x04\x01"
      "\x00\x01\x00\x01\x01\x01\x02\x01\x81"
      "a\x02\x02\x01\x81"
      "b\x02\x03\x01\x08\x01"
      "\x00\x01\x04\x01\xdf\xff\x02\x01\x01\x81z\x02\x84last\x05\x06\x01\xff",
      68);
  EXPECT_EQ(stream.nodes().Begin().value().bytes(), expected);
}

TEST(StreamValue, NodesEndAtTheirLimits) {
  StreamValue stream;
  const std::string_view pair[] = {"f", "v"};
  for (std::uint64_t i = 1; i <= 7; ++i) stream.Append({i, 0}, pair, {4096, 3});
  EXPECT_EQ(stream.nodes().Size(), 3u);
  const std::string large(90, 'x');
  const std::string_view large_pair[] = {"f", large};
  for (std::uint64_t i = 8; i <= 10; ++i) stream.Append({i, 0}, large_pair, {100, 0});
  EXPECT_EQ(stream.nodes().Size(), 6u);
  EXPECT_EQ(Forwards(stream).size(), 10u);
}

// Random changes against a map; the seed is printed when something differs.
TEST(StreamValue, BehavesLikeAMap) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto below = [&random](std::uint32_t end) { return random() % end; };
    const StreamLimits limits{below(2) == 0 ? 200u : 4096u, static_cast<std::int64_t>(below(9))};
    StreamValue stream;
    Entries model;
    StreamId last{1, 0};
    for (int step = 0; step < 600; ++step) {
      const StreamId some{below(static_cast<std::uint32_t>(last.ms) + 2), below(3)};
      if (below(10) < 6) {
        last = below(2) == 0 ? StreamId{last.ms, last.seq + 1} : StreamId{last.ms + 1, below(3)};
        const std::string field = "f" + std::to_string(below(2));
        const std::string value = std::to_string(below(1000)) + std::string(below(2) * 70, 'v');
        const std::string_view pair[] = {field, value};
        stream.Append(last, pair, limits);
        model[last] = field + "=" + value + " ";
      } else if (below(3) != 0) {
        EXPECT_EQ(stream.Delete(some), model.erase(some) == 1);
      } else if (below(2) == 0) {
        const std::size_t kept = below(static_cast<std::uint32_t>(model.size()) + 3);
        const std::size_t removed = model.size() > kept ? model.size() - kept : 0;
        EXPECT_EQ(stream.Trim({.kind = StreamTrim::Kind::kMaxLength, .length_max = kept}), removed);
        model.erase(model.begin(), std::next(model.begin(), static_cast<long>(removed)));
      } else if (below(4) == 0) {
        stream.Trim({.kind = StreamTrim::Kind::kMinId, .id_min = some});
        model.erase(model.begin(), model.lower_bound(some));
      }
      ASSERT_EQ(stream.Length(), model.size());
      const StreamId from{below(static_cast<std::uint32_t>(last.ms) + 1), below(3)};
      ASSERT_EQ(Forwards(stream, from, some), Between(model, from, some));
      ASSERT_EQ(Backwards(stream, from, some), Between(model, from, some));
      ASSERT_EQ(stream.counters().first_id, model.empty() ? StreamId{} : model.begin()->first);
      ASSERT_EQ(stream.Contains(some), model.contains(some));
    }
    ASSERT_EQ(Forwards(stream), model);
    const auto copy = stream.Clone();
    EXPECT_EQ(Forwards(static_cast<const StreamValue&>(*copy)), model);
  }
}

TEST(StreamValue, ApproximateTrimsTakeWholeNodesWithinTheirLimit) {
  StreamValue stream;
  const std::string_view pair[] = {"f", "v"};
  for (std::uint64_t i = 1; i <= 100; ++i) stream.Append({i, 0}, pair, {4096, 10});
  StreamTrim trim{.kind = StreamTrim::Kind::kMaxLength, .is_approximate = true, .length_max = 55};
  trim.limit = 25;
  EXPECT_EQ(stream.Trim(trim), 20u);
  trim.limit = 0;
  EXPECT_EQ(stream.Trim(trim), 20u);
  EXPECT_EQ(stream.Length(), 60u);
}

TEST(StreamValue, WhatIsPendingIsWithOneConsumer) {
  StreamValue stream;
  StreamGroup& group = *stream.AddGroup("g", {}, StreamGroup::kUnknownEntriesRead);
  EXPECT_EQ(stream.AddGroup("g", {}, 0), nullptr);
  StreamConsumer& alice = group.AddConsumer("alice", 1);
  StreamConsumer& bob = group.AddConsumer("bob", 1);
  for (std::uint64_t i = 0; i < 500; ++i) group.Deliver({i, 0}, i % 3 == 0 ? alice : bob, 5);
  for (std::uint64_t i = 0; i < 500; i += 2) group.Deliver({i, 0}, alice, 9);
  for (std::uint64_t i = 0; i < 500; i += 5) EXPECT_TRUE(group.Acknowledge({i, 0}));
  EXPECT_FALSE(group.Acknowledge({0, 0}));
  EXPECT_EQ(group.pending().Size(), 400u);
  EXPECT_EQ(alice.pending.Size() + bob.pending.Size(), 400u);
  EXPECT_EQ(stream.ElementCount(), 800u);
  const auto copy = stream.Clone();
  const auto& twin = static_cast<const StreamValue&>(*copy);
  EXPECT_EQ(twin.FindGroup("g")->FindConsumer("bob")->pending.Size(), bob.pending.Size());
  EXPECT_EQ(twin.FindGroup("g")->FindPending({4, 0})->consumer->name, "alice");
  group.RemoveConsumer(alice);
  EXPECT_EQ(group.pending().Size(), bob.pending.Size());
  EXPECT_EQ(twin.FindGroup("g")->pending().Size(), 400u);
}

TEST(StreamValue, TheAccountIsEmptyWhenAllIsFreed) {
  StreamValue stream;
  const std::size_t empty_bytes = stream.MemoryBytes();
  const std::string_view pair[] = {"f", "v"};
  for (std::uint64_t i = 1; i <= 1000; ++i) stream.Append({i, 0}, pair, {4096, 10});
  StreamGroup& group = *stream.AddGroup("g", {}, 0);
  StreamConsumer& consumer = group.AddConsumer("c", 1);
  for (std::uint64_t i = 1; i <= 1000; ++i) group.Deliver({i, 0}, consumer, 1);
  EXPECT_GT(stream.MemoryBytes(), empty_bytes + 1000 * 4);
  while (stream.FreeSome(10) > 0) {
  }
  EXPECT_EQ(stream.MemoryBytes(), empty_bytes);
  EXPECT_EQ(stream.ElementCount(), 0u);
}

TEST(StreamNode, WhatIsNoNodeIsRefused) {
  const std::string_view pairs[] = {"a", "1", "b", "2"};
  const Listpack good = MakeStreamNode(pairs);
  const auto summary = InspectStreamNode({5, 5}, good.bytes());
  ASSERT_TRUE(summary.has_value());
  EXPECT_EQ(summary->live, 1u);
  EXPECT_EQ(summary->last, (StreamId{5, 5}));
  // Each element in turn replaced by numbers that are wrong there.
  std::size_t at = good.reader().Begin();
  for (std::size_t i = 0; at != good.reader().End(); ++i, at = good.reader().Next(at)) {
    if (!good.reader().At(at).is_number || i == 9 || i == 10) continue;  // values are free
    Listpack bad(good.bytes());
    bad.Replace(at, std::int64_t{100});
    const bool is_id = i == 7 || i == 8;
    EXPECT_EQ(InspectStreamNode({5, 5}, bad.bytes()).has_value(), is_id) << i;
    bad = Listpack(good.bytes());
    bad.Replace(at, std::int64_t{-1});
    EXPECT_FALSE(InspectStreamNode({5, 5}, bad.bytes()).has_value()) << i;
  }
  EXPECT_FALSE(InspectStreamNode({}, Listpack().bytes()).has_value());
}

}  // namespace
}  // namespace slotway::storage
