// SPDX-License-Identifier: Apache-2.0
#include "protocol/block_timeout.h"

#include <gtest/gtest.h>
#include <vector>

#include "protocol/command_table.h"

namespace slotway::protocol {
namespace {

using Words = std::vector<std::string_view>;

TEST(BlockTimeoutTest, StandsWhereTheTableSays) {
  struct Case {
    Words args;
    std::size_t index;
    bool is_valid;
    std::uint64_t ms;
  } cases[] = {
      {{"BLPOP", "k", "0"}, 2, true, 0},
      {{"brpop", "a", "b", "1.5"}, 3, true, 1500},
      {{"BLMOVE", "a", "b", "LEFT", "RIGHT", "2"}, 5, true, 2000},
      {{"BRPOPLPUSH", "a", "b", "0.0001"}, 3, true, 1},
      {{"BLMPOP", "3", "1", "k", "LEFT"}, 1, true, 3000},
      {{"BZMPOP", "1e1", "1", "k", "MIN"}, 1, true, 10000},
      {{"BZPOPMIN", "k", "-1"}, 2, false, 0},
      {{"BZPOPMAX", "k", "soon"}, 2, false, 0},
      {{"BLPOP", "k", "inf"}, 2, false, 0},
      {{"BLPOP", "k", "nan"}, 2, false, 0},
      {{"BLPOP", "k", ""}, 2, false, 0},
      {{"XREAD", "COUNT", "1", "block", "250", "STREAMS", "s", "$"}, 4, true, 250},
      {{"XREAD", "BLOCK", "-1", "STREAMS", "s", "$"}, 2, false, 0},
      {{"XREAD", "BLOCK", "1.5", "STREAMS", "s", "$"}, 2, false, 0},
      {{"XREADGROUP", "GROUP", "block", "streams", "NOACK", "BLOCK", "7", "STREAMS", "s", ">"},
       6,
       true,
       7},
      {{"WAIT", "1", "100"}, 2, true, 100},
      {{"WAITAOF", "0", "1", "0"}, 3, true, 0},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(testing::PrintToString(c.args));
    auto found = FindBlockTimeout(*FindCommand(c.args), c.args);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->index, c.index);
    EXPECT_EQ(found->is_valid, c.is_valid);
    EXPECT_EQ(found->ms, c.ms);
  }
}

TEST(BlockTimeoutTest, RequestsThatDoNotWaitHaveNone) {
  for (const Words& args : {Words{"LPOP", "k"}, Words{"XREAD", "STREAMS", "block", "0"},
                            Words{"XREAD", "COUNT", "block", "STREAMS", "s", "0"},
                            Words{"XREADGROUP", "GROUP", "block", "c", "STREAMS", "s", ">"},
                            Words{"XREAD", "x", "y", "BLOCK"}}) {
    SCOPED_TRACE(testing::PrintToString(args));
    EXPECT_FALSE(FindBlockTimeout(*FindCommand(args), args).has_value());
  }
}

TEST(BlockTimeoutTest, IsSaidAnewInTheCommandsOwnUnit) {
  EXPECT_EQ(FormatBlockTimeout(FindCommand("blpop")->timeout, 1), "0.001");
  EXPECT_EQ(FormatBlockTimeout(FindCommand("blmpop")->timeout, 61050), "61.050");
  EXPECT_EQ(FormatBlockTimeout(FindCommand("xread")->timeout, 61050), "61050");
  EXPECT_EQ(FormatBlockTimeout(FindCommand("wait")->timeout, 5), "5");
}

// A row that blocks without a known time could not go on after a failover.
TEST(BlockTimeoutTest, EveryBlockingCommandHasATime) {
  std::size_t blocking = 0;
  for (std::size_t id = 0; id < CommandCount(); ++id) {
    const CommandSpec& spec = CommandById(static_cast<CommandId>(id));
    bool is_blocking = spec.flags.Has(CommandFlag::kBlocking);
    EXPECT_EQ(is_blocking, spec.timeout != TimeoutPlace::kNone) << spec.name;
    blocking += is_blocking;
  }
  EXPECT_EQ(blocking, 12u);
}

}  // namespace
}  // namespace slotway::protocol
