// SPDX-License-Identifier: Apache-2.0
#include "storage/types/bit_operation.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

namespace slotway::storage {
namespace {

using enum BitOperation;

char Combined(BitOperation operation, char a, char b) {
  switch (operation) {
    case kAnd:
      return static_cast<char>(a & b);
    case kOr:
      return static_cast<char>(a | b);
    case kXor:
      return static_cast<char>(a ^ b);
    case kNot:
      break;
  }
  return a;
}

std::string Combine(BitOperation operation, const std::vector<std::string_view>& sources) {
  std::size_t length = 0;
  for (const std::string_view source : sources) length = std::max(length, source.size());
  std::string result(length, '?');
  CombineBits(operation, sources, result);
  return result;
}

// Byte by byte.
std::string CombineSlowly(BitOperation operation, const std::vector<std::string_view>& sources) {
  std::size_t length = 0;
  for (const std::string_view source : sources) length = std::max(length, source.size());
  std::string result;
  for (std::size_t at = 0; at < length; ++at) {
    const auto byte_of = [&](std::string_view source) {
      return at < source.size() ? source[at] : '\0';
    };
    char byte = byte_of(sources[0]);
    if (operation == kNot) byte = static_cast<char>(~byte);
    for (std::size_t i = 1; i < sources.size(); ++i) {
      byte = Combined(operation, byte, byte_of(sources[i]));
    }
    result.push_back(byte);
  }
  return result;
}

TEST(BitOperation, ShortOnesGoOnWithZeros) {
  const std::vector<std::string_view> two{"\xf0\xf0", "\xff"};
  EXPECT_EQ(Combine(kAnd, two), std::string("\xf0\0", 2));
  EXPECT_EQ(Combine(kOr, two), "\xff\xf0");
  EXPECT_EQ(Combine(kXor, two), "\x0f\xf0");
  EXPECT_EQ(Combine(kNot, {"\x0f"}), "\xf0");
  EXPECT_EQ(Combine(kAnd, {"", ""}), "");
}

TEST(BitOperation, AgreesWithASlowDefinition) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 400; ++round) {
    const std::size_t length_max = round % 20 == 0 ? 50'000 : 300;
    std::vector<std::string> texts(1 + random() % 5);
    for (std::string& text : texts) {
      text.resize(random() % length_max);
      std::generate(text.begin(), text.end(), [&] { return static_cast<char>(random()); });
    }
    const std::vector<std::string_view> sources(texts.begin(), texts.end());
    for (const BitOperation operation : {kAnd, kOr, kXor}) {
      ASSERT_EQ(Combine(operation, sources), CombineSlowly(operation, sources));
    }
    const std::vector<std::string_view> one{sources[0]};
    ASSERT_EQ(Combine(kNot, one), CombineSlowly(kNot, one));
  }
}

}  // namespace
}  // namespace slotway::storage
