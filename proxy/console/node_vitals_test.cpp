// SPDX-License-Identifier: Apache-2.0
#include "proxy/console/node_vitals.h"

#include <gtest/gtest.h>

#include "proxy/backend/fake_shard.h"

namespace slotway::proxy {
namespace {

const std::string kVitalsNodes =
    std::string(40, 'a') + " 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-99 [50->-" +
    std::string(40, 'b') + "] [51->-" + std::string(40, 'b') + "] [60-<-" + std::string(40, 'b') +
    "]\n" + std::string(40, 'b') + " 127.0.0.1:7001@17001 master - 0 0 2 connected [9->-x]\n";

std::string VitalsBulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

TEST(NodeVitals, ReadsWhatIsShownOfInfo) {
  InfoFields info = ReadInfo(
      "# Memory\r\nused_memory:1000\r\nsecret:1\r\n# Keyspace\r\n"
      "db0:keys=3,expires=0,avg_ttl=0\r\ndb1:keys=4,expires=0\r\ndbx:keys=9\r\n");
  EXPECT_EQ(info["used_memory"], "1000");
  EXPECT_EQ(info["keys"], "7");
  EXPECT_FALSE(info.contains("secret"));
  EXPECT_EQ(ReadInfo("")["keys"], "0");
  EXPECT_EQ(ReadInfo("db0:\r\n:\r\nno colon")["keys"], "0");
}

TEST(NodeVitals, ReadsTheNodesOwnMoves) {
  auto moves = ReadMoves(kVitalsNodes);
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].to, std::string(40, 'b'));
  EXPECT_EQ(moves[0].slots, "50 51");
  EXPECT_EQ(moves[0].count, 2u);
  EXPECT_TRUE(ReadMoves("").empty());
  EXPECT_TRUE(ReadMoves("x myself [->-] [ [5->-\n").size() <= 1);
}

TEST(NodeVitals, AsksANode) {
  runtime::EventLoop loop;
  FakeShard shard(loop);
  int migrations_asked = 0;
  shard.Answer([&](const std::vector<std::string>& words) -> std::string {
    if (words[0] == "INFO") return VitalsBulk("used_memory:5\r\n");
    if (words[1] == "NODES") return VitalsBulk(kVitalsNodes);
    ++migrations_asked;
    return "*1\r\n*8\r\n$9\r\noperation\r\n$6\r\nEXPORT\r\n$11\r\nslot_ranges\r\n$8\r\n100-102 \r\n"
           "$11\r\ntarget_node\r\n$1\r\nb\r\n$5\r\nstate\r\n$11\r\nreplicating\r\n";
  });
  NodeVitals vitals(loop, *runtime::SocketAddress::FromNumeric("127.0.0.1", shard.Port()),
                    [] { return BackendLogin{}; });
  vitals.Ask(true);
  ASSERT_TRUE(RunUntil(loop, [&] { return vitals.Moves().size() == 2; }));
  EXPECT_EQ(vitals.Info().at("used_memory"), "5");
  EXPECT_EQ(vitals.Moves()[1].count, 3u);
  EXPECT_EQ(migrations_asked, 1);
  shard.HangUp(true);
  ASSERT_TRUE(RunUntil(loop, [&] { return vitals.Info().empty(); }));
  EXPECT_TRUE(vitals.Moves().empty());
}

TEST(NodeVitals, DoesNotAskAgainForWhatANodeDoesNotKnow) {
  runtime::EventLoop loop;
  FakeShard shard(loop);
  int unknown = 0, rounds = 0;
  shard.Answer([&](const std::vector<std::string>& words) -> std::string {
    if (words[0] == "INFO") return VitalsBulk("used_memory:" + std::to_string(++rounds) + "\r\n");
    if (words[1] == "NODES") return VitalsBulk(kVitalsNodes);
    ++unknown;
    return "-ERR unknown subcommand\r\n";
  });
  NodeVitals vitals(loop, *runtime::SocketAddress::FromNumeric("127.0.0.1", shard.Port()),
                    [] { return BackendLogin{}; });
  ASSERT_TRUE(RunUntil(loop, [&] {
    vitals.Ask(true);  // one at a time
    return rounds >= 3;
  }));
  EXPECT_EQ(unknown, 1);
}

}  // namespace
}  // namespace slotway::proxy
