// SPDX-License-Identifier: Apache-2.0
#include "protocol/key_extraction.h"

#include <algorithm>
#include <gtest/gtest.h>
#include <sstream>
#include <string>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

// Splits at blanks; "" stands for an empty argument.
std::vector<std::string> SplitWords(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word == "\"\"" ? "" : word);
  return words;
}

// "1:RO,access 3:OW,update", or "invalid".
std::string Render(KeyExtractionError error, const std::vector<KeyPosition>& keys) {
  if (error == KeyExtractionError::kInvalid) return "invalid";
  std::string text;
  for (const KeyPosition& key : keys) {
    text += text.empty() ? "" : " ";
    text += std::to_string(key.index);
    char separator = ':';
    for (std::uint32_t bit = 0; bit < 16; ++bit) {
      auto flag = static_cast<KeyFlag>(1u << bit);
      if (!key.flags.Has(flag)) continue;
      text += separator;
      text += KeyFlagName(flag);
      separator = ',';
    }
  }
  return text;
}

struct KeyCase {
  const char* request;
  const char* keys;
};

class KeyExtraction : public testing::TestWithParam<KeyCase> {};

TEST_P(KeyExtraction, FindsTheKeys) {
  std::vector<std::string> words = SplitWords(GetParam().request);
  std::vector<std::string_view> args(words.begin(), words.end());
  const CommandSpec* spec = FindCommand(args);
  ASSERT_NE(spec, nullptr);
  std::vector<KeyPosition> keys = {{99, KeyFlag::kReadOnly}};  // must be cleared
  KeyExtractionError error = ExtractKeys(*spec, args, keys);
  EXPECT_EQ(Render(error, keys), GetParam().keys);
  if (error == KeyExtractionError::kInvalid) {
    EXPECT_TRUE(keys.empty());
    return;
  }
  std::optional<std::uint32_t> first = FirstKeyIndex(*spec, args);
  ASSERT_EQ(first.has_value(), !keys.empty());
  if (!keys.empty()) {
    EXPECT_EQ(first, keys.front().index);
  }
}

constexpr KeyCase kPlainSpecs[] = {
    {"ping", ""},
    {"get k", "1:RO,access"},
    {"get", "invalid"},
    {"append k v", "1:RW,insert"},
    {"mget a b c", "1:RO,access 2:RO,access 3:RO,access"},
    {"mset a 1 b 2", "1:OW,update 3:OW,update"},
    {"del a b", "1:RM,delete 2:RM,delete"},
    {"blpop a b 0", "1:RW,access,delete 2:RW,access,delete"},
    {"lcs a b", "1:RO,access 2:RO,access"},
    {"rename a b", "1:RW,access,delete 2:OW,update"},
    {"smove a b m", "1:RW,access,delete 2:RW,insert"},
    {"sinterstore d a b", "1:OW,update 2:RO,access 3:RO,access"},
    {"bitop and d a b", "2:OW,update 3:RO,access 4:RO,access"},
    {"object encoding k", "2:RO"},
    {"object help", ""},
    {"memory usage k samples 5", "2:RO"},
    {"memory doctor", ""},
    {"xinfo stream k full", "2:RO,access"},
    {"xgroup create k g $", "2:RW,insert"},
    {"pfdebug encoding k", "2:RW,access"},
    {"pfmerge d a b", "1:RW,access,insert 2:RO,access 3:RO,access"},
    {"pfmerge d", "1:RW,access,insert"},
    {"watch a b", "1:RO 2:RO"},
    {"scan 0 match a", ""},
    {"publish c m", ""},
    {"spublish c m", ""},
    {"ssubscribe a b", ""},
    {"config get k", ""},
};

constexpr KeyCase kCounts[] = {
    {"eval s 0", ""},
    {"eval s 0 a b", ""},
    {"eval s 1 a b", "3:RW,access,update"},
    {"eval s 2 a b", "3:RW,access,update 4:RW,access,update"},
    {"eval s 3 a b", ""},
    {"eval s -1 a b", ""},
    {"eval s x a b", ""},
    {"eval s 99999999999999999999 a", ""},
    {"evalsha_ro s 1 a b", "3:RO,access"},
    {"fcall f 1 a b", "3:RW,access,update"},
    {"fcall_ro f 2 a b", "3:RO,access 4:RO,access"},
    {"zunion 2 a b withscores", "2:RO,access 3:RO,access"},
    {"zunion 0 a b", "invalid"},
    {"zunion 3 a b", "invalid"},
    {"zunion x a b", "invalid"},
    {"zunionstore d 2 a b weights 1 2", "1:OW,update 3:RO,access 4:RO,access"},
    {"zunionstore d 3 a b", "invalid"},
    {"sintercard 2 a b limit 1", "2:RO,access 3:RO,access"},
    {"lmpop 2 a b left", "2:RW,access,delete 3:RW,access,delete"},
    {"blmpop 0 2 a b left", "3:RW,access,delete 4:RW,access,delete"},
    {"bzmpop 0 1 a min", "3:RW,access,delete"},
    // The number of keys is read as leniently as Redis reads it here.
    {"lmpop +1 a left", "2:RW,access,delete"},
    {"lmpop 1x a left", "2:RW,access,delete"},
    {"lmpop x a left", "invalid"},
};

constexpr KeyCase kStreams[] = {
    {"xread streams a b 0 0", "2:RO,access 3:RO,access"},
    {"xread count 1 block 0 streams a 0", "6:RO,access"},
    {"xread streams streams 0", "2:RO,access"},
    {"xread block streams streams a 0", "3:RO,access"},
    {"xread streams a", "invalid"},
    {"xread count 1 streams", "invalid"},
    {"xread nope streams a 0", "3:RO,access"},
    {"xread count 1 nope nope", "invalid"},
    {"xreadgroup group g c streams a b > >", "5:RO,access 6:RO,access"},
    {"xreadgroup group g c noack count 1 streams a >", "8:RO,access"},
    {"xreadgroup group g c count streams a >", "6:RO,access"},
    {"xreadgroup group STREAMS STREAMS STREAMS a >", "5:RO,access"},
    {"xreadgroup count 1 group STREAMS c streams a >", "7:RO,access"},
    {"xreadgroup block 1 group g streams streams a >", "7:RO,access"},
};

constexpr KeyCase kOptions[] = {
    {"set k v", "1:OW,update"},
    {"set k get", "1:OW,update"},
    {"set k v ex 1 GET", "1:RW,access,update"},
    {"bitfield k", "1:RO,access"},
    {"bitfield k get u8 0 GET u8 1", "1:RO,access"},
    {"bitfield k get u8 0 set u8 0 1", "1:RW,access,update"},
    {"bitfield k overflow sat incrby u8 0 1", "1:RW,access,update"},
    {"bitfield k get u8", "1:RW,access,update"},
    {"bitfield_ro k get u8 0", "1:RO,access"},
    {"sort k", "1:RO,access"},
    {"sort k by nosort get # store d", "1:RO,access 7:OW,update"},
    {"sort k by store get store", "1:RO,access"},
    {"sort k limit store store", "1:RO,access"},
    {"sort k store a store b", "1:RO,access 5:OW,update"},
    {"sort k store", "1:RO,access"},
    {"sort_ro k get store", "1:RO,access"},
    {"sort_ro k store d", "1:RO,access"},
    {"georadius k 1 2 3 m", "1:RO,access"},
    {"georadius k 1 2 3 m store d", "1:RO,access 7:OW,update"},
    {"georadius k 1 2 3 m count 1 asc STOREDIST d", "1:RO,access 10:OW,update"},
    {"georadius k 1 2 3 m store a store b", "1:RO,access 7:OW,update 9:OW,update"},
    {"georadius k 1 2 3 m storedist store", "1:RO,access 7:OW,update"},
    {"georadius k store 2 3 m", "1:RO,access"},
    {"georadiusbymember k m 3 m store d", "1:RO,access 6:OW,update"},
    {"georadiusbymember k store 3 m", "1:RO,access"},
    {"georadius_ro k 1 2 3 m", "1:RO,access"},
    {"migrate h 1 k 0 10", "3:RW,access,delete"},
    {"migrate h 1 k 0 10 auth keys", "3:RW,access,delete"},
    {"migrate h 1 \"\" 0 10 keys a b", "7:RW,access,delete 8:RW,access,delete"},
    {"migrate h 1 \"\" 0 10 copy auth2 keys keys KEYS a", "11:RW,access,delete"},
    {"migrate h 1 \"\" 0 10", "3:RW,access,delete"},
    {"migrate h 1 k 0 10 keys a", "invalid"},
    {"migrate h 1 k 0 10 keys", "3:RW,access,delete"},
};

INSTANTIATE_TEST_SUITE_P(PlainSpecs, KeyExtraction, testing::ValuesIn(kPlainSpecs));
INSTANTIATE_TEST_SUITE_P(Counts, KeyExtraction, testing::ValuesIn(kCounts));
INSTANTIATE_TEST_SUITE_P(Streams, KeyExtraction, testing::ValuesIn(kStreams));
INSTANTIATE_TEST_SUITE_P(Options, KeyExtraction, testing::ValuesIn(kOptions));

TEST(ShardChannels, AreFoundForShardPubsubOnly) {
  auto channels = [](const char* request) {
    std::vector<std::string> words = SplitWords(request);
    std::vector<std::string_view> args(words.begin(), words.end());
    std::vector<KeyPosition> found;
    KeyExtractionError error = ExtractShardChannels(*FindCommand(args), args, found);
    return Render(error, found);
  };
  EXPECT_EQ(channels("spublish c m"), "1:not_key");
  EXPECT_EQ(channels("ssubscribe a b"), "1:not_key 2:not_key");
  EXPECT_EQ(channels("sunsubscribe a"), "1:not_key");
  EXPECT_EQ(channels("sunsubscribe"), "");
  EXPECT_EQ(channels("publish c m"), "");
  EXPECT_EQ(channels("get k"), "");
}

// Requests come from outside: whatever the arguments are, positions stay inside the request, and
// the first key is the one that the list begins with.
TEST(KeyExtractionRobustness, PositionsStayInsideTheRequest) {
  constexpr std::string_view kWords[] = {"",
                                         "0",
                                         "1",
                                         "2",
                                         "-1",
                                         "keys",
                                         "store",
                                         "auth2",
                                         "count",
                                         "group",
                                         "streams",
                                         "get",
                                         "9223372036854775807",
                                         "-9223372036854775808"};
  std::uint32_t state = 12345;  // fixed seed, printed by SCOPED_TRACE on failure
  auto next = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
  std::vector<KeyPosition> keys;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const CommandSpec& spec = CommandById(static_cast<CommandId>(id));
    if (!spec.subcommands.empty()) continue;
    for (int round = 0; round < 200; ++round) {
      SCOPED_TRACE(std::string(spec.name) + ", state " + std::to_string(state));
      std::size_t bar = spec.name.find('|');
      std::vector<std::string_view> args = {spec.name.substr(0, bar)};
      if (bar != std::string_view::npos) args.push_back(spec.name.substr(bar + 1));
      std::size_t extra = next() % 12;
      for (std::size_t i = 0; i < extra; ++i) args.push_back(kWords[next() % std::size(kWords)]);
      KeyExtractionError error = ExtractKeys(spec, args, keys);
      for (const KeyPosition& key : keys) ASSERT_LT(key.index, args.size());
      std::optional<std::uint32_t> first = FirstKeyIndex(spec, args);
      ASSERT_LT(first.value_or(0), args.size());
      if (error == KeyExtractionError::kNone && !keys.empty()) {
        ASSERT_EQ(first, keys.front().index);
      }
    }
  }
}

}  // namespace
}  // namespace slotway::protocol
