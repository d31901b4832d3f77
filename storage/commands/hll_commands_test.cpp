// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <random>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"
#include "storage/types/hll_sparse.h"

namespace slotway::storage {
namespace {

constexpr const char* kBroken = "-INVALIDOBJ Corrupted HLL object detected\r\n";
constexpr const char* kNone = "-WRONGTYPE Key is not a valid HyperLogLog string value.\r\n";

TEST(HllCommandsTest, AddCountMerge) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"pfadd", "a"}, ":1\r\n"},
                     {{"pfadd", "a"}, ":0\r\n"},
                     {{"pfadd", "a", "1", "2", "3"}, ":1\r\n"},
                     {{"pfadd", "a", "2"}, ":0\r\n"},
                     {{"pfcount", "a"}, ":3\r\n"},
                     {{"pfcount", "absent"}, ":0\r\n"},
                     {{"pfadd", "b", "3", "4"}, ":1\r\n"},
                     {{"pfcount", "a", "b", "absent"}, ":4\r\n"},
                     {{"pfmerge", "c", "a", "b"}, kOk},
                     {{"pfcount", "c"}, ":4\r\n"},
                     {{"pfmerge", "d"}, kOk},
                     {{"pfcount", "d"}, ":0\r\n"},
                     {{"object", "encoding", "a"}, "$3\r\nraw\r\n"},
                 }),
            "");
}

TEST(HllCommandsTest, CountIsKeptInTheHeader) {
  CommandRunner runner;
  const auto header = [&](const std::string& key) {
    return runner.Run({"getrange", key, "8", "15"});
  };
  runner.Run({"pfadd", "k", "a", "b"});
  EXPECT_EQ(header("k"), std::string("$8\r\n\0\0\0\0\0\0\0\x80\r\n", 14));
  runner.Run({"pfcount", "k"});
  EXPECT_EQ(header("k"), std::string("$8\r\n\x02\0\0\0\0\0\0\0\r\n", 14));
  const std::uint64_t changes = runner.State().changes;
  runner.Run({"pfcount", "k"});
  EXPECT_EQ(runner.State().changes, changes);
  runner.Run({"pfadd", "k", "a"});
  EXPECT_EQ(header("k"), std::string("$8\r\n\x02\0\0\0\0\0\0\0\r\n", 14));
  runner.Run({"pfmerge", "k"});
  EXPECT_EQ(header("k"), std::string("$8\r\n\x02\0\0\0\0\0\0\x80\r\n", 14));
}

TEST(HllCommandsTest, FromSparseToDense) {
  config::ShardConfig settings;
  settings.hll_sparse_max_bytes = 30;
  CommandRunner runner(settings);
  runner.Run({"pfadd", "k", "a", "b", "c"});
  EXPECT_EQ(Play(runner,
                 {
                     {{"pfdebug", "encoding", "k"}, "+sparse\r\n"},
                     {{"pfadd", "k", "d", "e", "f", "g"}, ":1\r\n"},
                     {{"pfdebug", "encoding", "k"}, "+dense\r\n"},
                     {{"strlen", "k"}, ":12304\r\n"},
                     {{"pfcount", "k"}, ":7\r\n"},
                     {{"pfdebug", "decode", "k"}, "-ERR HLL encoding is not sparse\r\n"},
                     {{"pfdebug", "todense", "k"}, ":0\r\n"},
                     {{"pfadd", "s", "a"}, ":1\r\n"},
                     {{"pfdebug", "todense", "s"}, ":1\r\n"},
                     {{"pfdebug", "DECODE", "no"}, "-ERR The specified key does not exist\r\n"},
                     {{"pfdebug", "what", "s"}, "-ERR Unknown PFDEBUG subcommand 'what'\r\n"},
                     {{"pfadd", "foo", "foo"}, ":1\r\n"},
                     {{"pfdebug", "decode", "foo"}, "$19\r\nZ:7348 v:5,1 Z:9035\r\n"},
                     {{"pfselftest"}, kOk},
                 }),
            "");
}

TEST(HllCommandsTest, BrokenOnes) {
  CommandRunner runner;
  const std::string good = EmptyHll();
  std::string out_of_date = good;
  out_of_date[15] = '\x80';
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "no", "HYLL"}, kOk},
                     {{"pfadd", "no", "x"}, kNone},
                     {{"pfcount", "no"}, kNone},
                     {{"pfmerge", "no"}, kNone},
                     {{"pfdebug", "encoding", "no"}, kNone},
                     {{"set", "number", "12"}, kOk},
                     {{"pfcount", "number"}, kNone},
                     {{"set", "long", out_of_date + "hello"}, kOk},
                     {{"pfcount", "long"}, kBroken},
                     {{"pfmerge", "d", "long"}, kBroken},
                     {{"pfcount", "long", "d"}, kBroken},
                     {{"pfdebug", "getreg", "long"}, kBroken},
                     {{"exists", "d"}, ":0\r\n"},
                     {{"set", "short", out_of_date.substr(0, 16)}, kOk},
                     {{"pfadd", "short", "x"}, kBroken},
                     {{"pfcount", "short"}, kBroken},
                 }),
            "");
}

// Bytes of a good one changed at random: every command answers, and so it does afterwards.
TEST(HllCommandsTest, AnswerWhateverTheBytesAre) {
  std::mt19937 random(7);
  const auto below = [&](std::size_t bound) { return random() % bound; };
  CommandRunner runner;
  runner.Run({"pfadd", "seed", "a", "b", "c", "d", "e"});
  const std::string reply = runner.Run({"get", "seed"});
  const std::string good = reply.substr(reply.find('\n') + 1, reply.size() - reply.find('\n') - 3);
  for (int round = 0; round < 300; ++round) {
    std::string value = good;
    for (std::size_t change = below(4); change > 0; --change) {
      value[kHllHeaderBytes + below(value.size() - kHllHeaderBytes)] = static_cast<char>(random());
    }
    if (below(4) == 0) value.resize(kHllHeaderBytes + below(value.size() - kHllHeaderBytes));
    ASSERT_EQ(runner.Run({"set", "k", value}), kOk);
    runner.Run({"pfadd", "other", "a", "b"});
    for (const std::vector<std::string>& request :
         std::vector<std::vector<std::string>>{{"pfadd", "k", "x", "y", "z"},
                                               {"pfcount", "k"},
                                               {"pfcount", "k", "other"},
                                               {"pfmerge", "k", "other"},
                                               {"pfmerge", "other", "k"},
                                               {"pfdebug", "decode", "k"},
                                               {"pfdebug", "getreg", "k"},
                                               {"pfcount", "k"}}) {
      ASSERT_TRUE(runner.Run(request).ends_with("\r\n")) << round << ' ' << request[0];
    }
    runner.Run({"del", "other"});
  }
}

}  // namespace
}  // namespace slotway::storage
