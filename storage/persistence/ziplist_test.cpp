// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/ziplist.h"

#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/engine/hash_handle.h"
#include "storage/engine/list_handle.h"
#include "storage/engine/sorted_set_handle.h"
#include "storage/engine/test_constants.h"
#include "storage/memory/record_arena.h"
#include "storage/persistence/dump_payload.h"
#include "storage/persistence/zipmap.h"

namespace slotway::storage {
namespace {

std::string LittleEndian(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text.push_back(static_cast<char>(value >> (8 * i)));
  return text;
}

std::string Text(const std::string& text) {
  std::string entry;
  if (text.size() < 64) {
    entry.push_back(static_cast<char>(text.size()));
  } else if (text.size() < 16384) {
    entry.push_back(static_cast<char>(0x40 | text.size() >> 8));
    entry.push_back(static_cast<char>(text.size()));
  } else {
    entry.push_back(static_cast<char>(0x80));
    for (int shift = 24; shift >= 0; shift -= 8) {
      entry.push_back(static_cast<char>(text.size() >> shift));
    }
  }
  return entry + text;
}

// `entries` are encodings with their data.
std::string Ziplist(const std::vector<std::string>& entries) {
  std::string body;
  std::size_t last_offset = 10;
  std::size_t bytes_before = 0;
  for (const std::string& entry : entries) {
    last_offset = 10 + body.size();
    const std::string before =
        bytes_before < 254 ? LittleEndian(bytes_before, 1) : "\xfe" + LittleEndian(bytes_before, 4);
    body += before + entry;
    bytes_before = before.size() + entry.size();
  }
  return LittleEndian(11 + body.size(), 4) + LittleEndian(last_offset, 4) +
         LittleEndian(entries.size(), 2) + body + '\xff';
}

std::vector<std::string> ElementsOf(const Listpack& listpack) {
  std::vector<std::string> elements;
  const ListpackReader reader = listpack.reader();
  NumberText digits;
  for (std::size_t at = reader.Begin(); at != reader.End(); at = reader.Next(at)) {
    elements.emplace_back(reader.At(at).Text(digits));
  }
  return elements;
}

TEST(Ziplist, HasTheElementsOfAllEncodings) {
  const std::string medium(300, 'm');
  const std::string large(20'000, 'l');
  const std::string bytes = Ziplist({
      Text("a"),
      Text(""),
      Text(medium),
      "\xf1",
      "\xfd",
      "\xfe\x80",
      std::string("\xc0\x00\x80", 3),
      std::string("\xf0\xff\xff\x7f", 4),
      std::string("\xd0\x00\x00\x00\x80", 5),
      "\xe0" + LittleEndian(UINT64_MAX / 2, 8),
      Text(large),
      Text("z"),
  });
  const auto listpack = ListpackOfZiplist(bytes);
  ASSERT_TRUE(listpack.has_value());
  EXPECT_EQ(ElementsOf(*listpack),
            (std::vector<std::string>{"a", "", medium, "0", "12", "-128", "-32768", "8388607",
                                      "-2147483648", "9223372036854775807", large, "z"}));
  EXPECT_TRUE(ListpackOfZiplist(Ziplist({})).has_value());
}

TEST(Ziplist, EveryByteCounts) {
  const std::string bytes = Ziplist({Text("ab"), "\xf3", Text(std::string(260, 'x')), "\xfe\x05"});
  ASSERT_TRUE(ListpackOfZiplist(bytes).has_value());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(ListpackOfZiplist(bytes.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(ListpackOfZiplist(bytes + "x").has_value());
  // Each byte of structure: the header, lengths before, encodings, the end.
  for (const std::size_t at : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 16, 18, 280, 281, 286}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x40);
    EXPECT_FALSE(ListpackOfZiplist(changed) &&
                 ElementsOf(*ListpackOfZiplist(changed)) == ElementsOf(*ListpackOfZiplist(bytes)))
        << at;
  }
}

TEST(Ziplist, BadBytesAreRefused) {
  const std::vector<std::string> bad = {
      Ziplist({"\xff"}),                                  // no encoding
      Ziplist({"\x81\1\0\0\0x"}),                         //
      Ziplist({std::string("\x80\xff\xff\xff\xff", 5)}),  // a length beyond the end
      Ziplist({"\x05"
               "abcd"}),                                       // one that takes the end's byte
      Ziplist({std::string("\xc0\x01", 2)}),                   //
      Ziplist({Text("a")}).replace(10, 1, "\x01"),             // a length before of nothing
      Ziplist({Text("a"), Text("b")}).replace(13, 1, "\xff"),  //
      Ziplist({Text("a"), Text("b")}).replace(8, 1, "\x03"),   // the count
      Ziplist({Text("a"), Text("b")}).replace(4, 1, "\x0a"),   // the last offset
  };
  for (const std::string& bytes : bad) EXPECT_FALSE(ListpackOfZiplist(bytes).has_value());
}

TEST(Zipmap, HasFieldsAndValues) {
  const std::string large(300, 'v');
  const std::string bytes = std::string(
                                "\x02\x01"
                                "a\x02\x03"
                                "12...",
                                10) +
                            "\x01"
                            "b\xfe" +
                            LittleEndian(300, 4) + std::string(1, '\0') + large + "\xff";
  const auto listpack = ListpackOfZipmap(bytes);
  ASSERT_TRUE(listpack.has_value());
  EXPECT_EQ(ElementsOf(*listpack), (std::vector<std::string>{"a", "12", "b", large}));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(ListpackOfZipmap(bytes.substr(0, length)).has_value()) << length;
  }
  EXPECT_FALSE(ListpackOfZipmap(bytes + "x").has_value());
  EXPECT_FALSE(ListpackOfZipmap("\x03" + bytes.substr(1)).has_value());
  EXPECT_TRUE(ListpackOfZipmap("\xfe" + bytes.substr(1)).has_value());
  EXPECT_FALSE(ListpackOfZipmap("\xff" + bytes.substr(1)).has_value());
  EXPECT_FALSE(ListpackOfZipmap(std::string("\x01\x01"
                                            "a\xff\0\xff",
                                            6))
                   .has_value());
}

class OldValuesTest : public ::testing::Test {
 protected:
  RestoreResult Read(std::string_view type, const std::string& bytes) {
    std::string payload(type);
    RdbWriter(payload).String(bytes);
    payload += std::string(10, '\0');  // a footer, not looked at
    return RestoreValue(payload, {keyspace_, kTo, limits_, kNow});
  }
  Entry Found() { return keyspace_.Find(kTo.slot, kTo.key, kNow); }

  RecordArena arena_;
  Keyspace keyspace_{arena_, {.hash_seed = 1}};
  ValueLimits limits_;
};

TEST_F(OldValuesTest, Hashes) {
  const std::string zipmap(
      "\x01\x01"
      "a\x02\x00"
      "12\xff",
      8);
  for (const std::size_t entries_max : {128u, 0u}) {
    limits_.hash.listpack_entries_max = entries_max;
    EXPECT_EQ(Read("\x0d", Ziplist({Text("a"), "\xfe\x0c"})), RestoreResult::kDone);
    EXPECT_EQ(HashHandle(keyspace_, Found()).Get("a"), "12");
    EXPECT_EQ(Found().encoding(), entries_max > 0 ? Encoding::kListpack : Encoding::kHashtable);
    EXPECT_EQ(Read("\x09", zipmap), RestoreResult::kDone);
    EXPECT_EQ(HashHandle(keyspace_, Found()).Get("a"), "12");
    EXPECT_EQ(Found().encoding(), entries_max > 0 ? Encoding::kListpack : Encoding::kHashtable);
  }
  EXPECT_EQ(Read("\x0d", Ziplist({Text("a")})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0d", Ziplist({})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0d", Ziplist({"\xf2", "\xf2", Text("1"), "\xf2"})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x09", std::string("\x00\xff", 2)), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x09", zipmap + "x"), RestoreResult::kBadData);
}

TEST_F(OldValuesTest, SortedSets) {
  EXPECT_EQ(Read("\x0c", Ziplist({Text("a"), "\xf2", Text("b"), Text("1.5")})),
            RestoreResult::kDone);
  EXPECT_EQ(SortedSetHandle(keyspace_, Found()).ScoreOf("b"), 1.5);
  EXPECT_EQ(SortedSetHandle(keyspace_, Found()).RankOf("b"), 1u);
  EXPECT_EQ(Read("\x0c", Ziplist({Text("a"), Text("x")})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0c", Ziplist({Text("a"), Text("nan")})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0c", Ziplist({Text("a")})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0c", Ziplist({})), RestoreResult::kBadData);
}

TEST_F(OldValuesTest, Lists) {
  EXPECT_EQ(Read("\x0a", Ziplist({Text("a"), "\xf2"})), RestoreResult::kDone);
  EXPECT_EQ(ListHandle(keyspace_, Found()).Size(), 2u);
  EXPECT_EQ(Read("\x0e\x01", Ziplist({Text("a"), "\xf2", "\xf3"})), RestoreResult::kDone);
  EXPECT_EQ(ListHandle(keyspace_, Found()).Size(), 3u);
  EXPECT_EQ(Read("\x0a", Ziplist({})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0e\x01", Ziplist({})), RestoreResult::kBadData);
  EXPECT_EQ(Read("\x0e\x02", Ziplist({Text("a")})), RestoreResult::kBadData);
  EXPECT_EQ(Read(std::string("\x0e\x00", 2), Ziplist({Text("a")})), RestoreResult::kBadData);
}

}  // namespace
}  // namespace slotway::storage
