// SPDX-License-Identifier: Apache-2.0
#include "protocol/slot.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

// The definition, bit by bit.
std::uint16_t SlowCrc16(std::string_view data) {
  unsigned crc = 0;
  for (char c : data) {
    crc ^= static_cast<unsigned char>(c) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
    crc &= 0xffff;
  }
  return static_cast<std::uint16_t>(crc);
}

TEST(Slot, Crc16IsTheOneOfTheSpecification) {
  EXPECT_EQ(Crc16("123456789"), 0x31C3);
  EXPECT_EQ(Crc16(""), 0);
}

TEST(Slot, Crc16AgreesWithItsDefinitionAtEveryLength) {
  std::string data;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(Crc16(data), SlowCrc16(data)) << "length " << i;
    data += static_cast<char>(i * 151 + 7);
  }
}

TEST(Slot, HashTagIsBetweenTheFirstBraces) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"foo", "foo"},
      {"{user1000}.following", "user1000"},
      {"foo{}{bar}", "foo{}{bar}"},
      {"foo{{bar}}zap", "{bar"},
      {"foo{bar}{zap}", "bar"},
      {"foo{bar", "foo{bar"},
      {"foo}bar{", "foo}bar{"},
      {"}{a}", "a"},
      {"{}", "{}"},
      {"{a}", "a"},
  };
  for (const auto& [key, tag] : cases) EXPECT_EQ(HashTag(key), tag) << key;
}

// As CLUSTER KEYSLOT of a real server answers.
TEST(Slot, AgreesWithClusterKeyslot) {
  const std::pair<std::string, int> cases[] = {
      {"", 0},         {"foo", 12182},       {"bar", 5061},           {"{foo}bar", 12182},
      {"x", 16287},    {"123456789", 12739}, {"somekey", 11058},      {"foo{hash_tag}", 2515},
      {"foo{}", 5542}, {"{}", 15257},        {"foo{{bar}}zap", 4015},
  };
  for (const auto& [key, slot] : cases) EXPECT_EQ(ToInt(SlotOfKey(key)), slot) << key;
}

TEST(Slot, EverySlotHasATag) {
  for (int slot = 0; slot < kSlotCount; ++slot) {
    std::string key = "{" + std::string(TagOfSlot(static_cast<Slot>(slot))) + "}:x";
    ASSERT_EQ(ToInt(SlotOfKey(key)), slot);
  }
}

}  // namespace
}  // namespace slotway::protocol
