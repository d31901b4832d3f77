// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/command_call.h"
#include "storage/commands/command_runner.h"
#include "storage/commands/invalidation.h"

namespace slotway::storage {
namespace {

// The listener reads and tracks, in RESP3; the runner's client changes.
class TrackingCommandsTest : public ::testing::Test {
 protected:
  TrackingCommandsTest() : listener_(runner_.State()) {
    runner_.State().clients.emplace(listener_.Client().id, &listener_.Client());
  }
  ~TrackingCommandsTest() override { runner_.State().tracking.Stop(listener_.Client()); }

  std::string Ask(const std::vector<std::string>& request) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    runtime::ByteQueue output;
    CallWithin(runner_.State(), listener_.Client(), *protocol::FindCommand(args), args, output);
    std::string reply;
    output.CopyTo(output.Begin(), output.Size(), reply);
    return reply;
  }

  CommandRunner runner_;
  Listener listener_;
};

TEST_F(TrackingCommandsTest, AReaderHearsOfTheNextChangeOnce) {
  EXPECT_EQ(Ask({"client", "tracking", "on"}), "+OK\r\n");
  Ask({"mget", "a", "b"});
  EXPECT_EQ(runner_.State().tracking.KeyCount(), 2u);
  runner_.Run({"set", "a", "1"});
  EXPECT_EQ(listener_.Take(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
  runner_.Run({"set", "a", "2"});
  EXPECT_EQ(listener_.Take(), "");
  runner_.Run({"flushall"});
  EXPECT_EQ(listener_.Take(), ">2\r\n$10\r\ninvalidate\r\n_\r\n");
  EXPECT_EQ(runner_.State().tracking.KeyCount(), 0u);
  EXPECT_EQ(Ask({"client", "tracking", "off"}), "+OK\r\n");
  Ask({"get", "a"});
  EXPECT_EQ(runner_.State().tracking.KeyCount(), 0u);
}

TEST_F(TrackingCommandsTest, AKeyThatRunsOutOfTimeIsAChange) {
  Ask({"client", "tracking", "on"});
  runner_.Run({"set", "a", "1", "px", "10"});
  Ask({"get", "a"});
  runner_.Advance(20);
  runner_.Run({"get", "a"});
  EXPECT_EQ(listener_.Take(), ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n");
}

TEST_F(TrackingCommandsTest, PrefixesAreBroadcastTogether) {
  Ask({"client", "tracking", "on", "bcast", "prefix", "a", "prefix", "b"});
  EXPECT_EQ(Ask({"client", "tracking", "on", "bcast", "prefix", "ab"}),
            "-ERR Prefix 'ab' overlaps with an existing prefix 'a'. Prefixes for a single client "
            "must not overlap.\r\n");
  for (const char* key : {"a2", "a1", "c", "b"}) runner_.Run({"set", key, "1"});
  EXPECT_EQ(listener_.Take(), "");
  EXPECT_TRUE(runner_.State().tracking.HasBroadcast());
  BroadcastInvalidations(runner_.State());
  EXPECT_EQ(listener_.Take(),
            ">2\r\n$10\r\ninvalidate\r\n*2\r\n$2\r\na1\r\n$2\r\na2\r\n"
            ">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nb\r\n");
}

TEST_F(TrackingCommandsTest, TheTableIsBounded) {
  runner_.State().settings.Set("tracking-table-max-keys", "2");
  Ask({"client", "tracking", "on"});
  Ask({"mget", "a", "b", "c", "d"});
  EXPECT_EQ(runner_.State().tracking.KeyCount(), 2u);
  std::string told = listener_.Take();
  EXPECT_EQ(told.size(), 2 * std::string(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n").size());
}

TEST_F(TrackingCommandsTest, RedirectionNeedsSomebodyWhoListens) {
  EXPECT_EQ(Ask({"client", "tracking", "on", "redirect", "99"}),
            "-ERR The client ID you want redirect to does not exist\r\n");
  EXPECT_EQ(Ask({"client", "getredir"}), ":-1\r\n");
  EXPECT_EQ(Ask({"client", "tracking", "on", "redirect", "1"}), "+OK\r\n");
  EXPECT_EQ(Ask({"client", "getredir"}), ":1\r\n");
  runner_.State().clients.erase(1);
  Ask({"get", "a"});
  runner_.Run({"set", "a", "1"});
  EXPECT_EQ(listener_.Take(), ">2\r\n$21\r\ntracking-redir-broken\r\n:1\r\n");
}

}  // namespace
}  // namespace slotway::storage
