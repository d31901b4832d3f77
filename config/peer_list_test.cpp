// SPDX-License-Identifier: Apache-2.0
#include "config/peer_list.h"

#include <gtest/gtest.h>

namespace slotway::config {
namespace {

TEST(PeerListTest, ReadsNamesAndAddresses) {
  auto peers = ParsePeerList("redis.default:6379,10.0.0.2:7000,[fd00::1]:7001");
  ASSERT_TRUE(peers) << peers.error().text;
  EXPECT_EQ(*peers, (std::vector<PeerAddress>{
                        {"redis.default", 6379}, {"10.0.0.2", 7000}, {"fd00::1", 7001}}));
  EXPECT_TRUE(ParsePeerList("")->empty());
}

TEST(PeerListTest, RefusesWhatIsNone) {
  for (const char* text : {"redis", "redis:", ":6379", "redis:0", "redis:65536", "redis:63x",
                           "a:1,,b:2", "a:1, b:2"}) {
    EXPECT_FALSE(ParsePeerList(text)) << text;
  }
}

}  // namespace
}  // namespace slotway::config
