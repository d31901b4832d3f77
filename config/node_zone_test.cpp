// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "config/backend_config.h"

namespace slotway::config {
namespace {

TEST(NodeZone, HostsAndNetworks) {
  std::vector<NodeZone> zones = {{"redis-0.redis", "a"},
                                 {"10.1.2.3", "b"},
                                 {"10.1.0.0/16", "c"},
                                 {"10.0.0.0/9", "d"},
                                 {"fd00:1::/33", "e"},
                                 {"192.168.0.7/32", "f"}};
  EXPECT_EQ(ZoneOfNode(zones, "redis-0.redis"), "a");
  EXPECT_EQ(ZoneOfNode(zones, "redis-1.redis"), "");
  EXPECT_EQ(ZoneOfNode(zones, "10.1.2.3"), "b");
  EXPECT_EQ(ZoneOfNode(zones, "10.1.2.4"), "c");
  EXPECT_EQ(ZoneOfNode(zones, "10.127.0.1"), "d");
  EXPECT_EQ(ZoneOfNode(zones, "10.128.0.1"), "");
  EXPECT_EQ(ZoneOfNode(zones, "fd00:1:7fff::1"), "e");
  EXPECT_EQ(ZoneOfNode(zones, "fd00:1:8000::1"), "");
  EXPECT_EQ(ZoneOfNode(zones, "192.168.0.7"), "f");
  EXPECT_EQ(ZoneOfNode(zones, "192.168.0.6"), "");
  EXPECT_EQ(ZoneOfNode({{"0.0.0.0/0", "all"}}, "1.2.3.4"), "all");
  EXPECT_EQ(ZoneOfNode({{"0.0.0.0/0", "all"}}, "::1"), "");
}

TEST(NodeZone, Patterns) {
  for (const char* right : {"a", "10.1.0.0/16", "::/0", "redis-0.redis", "fd00::1"}) {
    EXPECT_TRUE(IsNodePattern(right)) << right;
  }
  for (const char* wrong : {"", "a b", "10.1.0.0/33", "10.1.0.0/", "redis/8", "::/129", "::/-1"}) {
    EXPECT_FALSE(IsNodePattern(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace slotway::config
