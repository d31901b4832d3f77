// SPDX-License-Identifier: Apache-2.0
#include "config/network.h"

#include <gtest/gtest.h>

namespace slotway::config {
namespace {

TEST(Network, HoldsItsAddressesOnly) {
  EXPECT_TRUE(NetworkHolds("10.1.0.0/16", "10.1.255.3"));
  EXPECT_FALSE(NetworkHolds("10.1.0.0/16", "10.2.0.1"));
  EXPECT_TRUE(NetworkHolds("10.1.0.0/16", "::ffff:10.1.2.3"));
  EXPECT_TRUE(NetworkHolds("10.1.2.3", "10.1.2.3"));
  EXPECT_FALSE(NetworkHolds("10.1.2.3", "10.1.2.4"));
  EXPECT_TRUE(NetworkHolds("0.0.0.0/0", "1.2.3.4"));
  EXPECT_FALSE(NetworkHolds("0.0.0.0/0", "fd00::1"));
  EXPECT_TRUE(NetworkHolds("fd00::/8", "fd12::1"));
  EXPECT_FALSE(NetworkHolds("10.1.0.0/16", "redis-0"));
}

TEST(Network, WhatIsNone) {
  for (const char* text : {"", "/", "10.1.0.0/33", "10.1.0.0/-1", "10.1.0.0/x", "10.1/16", "a/8", "host"}) {
    EXPECT_FALSE(IsNetwork(text)) << text;
  }
  EXPECT_TRUE(IsNetwork("::1"));
}

TEST(Network, WhoIsWelcome) {
  EXPECT_TRUE(IsWelcome({}, {}, "10.1.2.3"));
  EXPECT_FALSE(IsWelcome({"10.2.0.0/16"}, {}, "10.1.2.3"));
  EXPECT_TRUE(IsWelcome({"10.2.0.0/16", "10.1.0.0/16"}, {}, "10.1.2.3"));
  EXPECT_FALSE(IsWelcome({"10.1.0.0/16"}, {"10.1.2.3"}, "10.1.2.3"));
  EXPECT_TRUE(IsWelcome({}, {"10.1.2.3"}, "10.1.2.4"));
}

}  // namespace
}  // namespace slotway::config
