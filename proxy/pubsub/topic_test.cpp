// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/topic.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(TopicTest, EventChannelsAreTheNodesOwn) {
  EXPECT_TRUE(IsEventChannel("__keyspace@0__:x"));
  EXPECT_TRUE(IsEventChannel("__keyevent@0__:del"));
  EXPECT_FALSE(IsEventChannel("__key"));
  EXPECT_FALSE(IsEventChannel("news"));
}

TEST(TopicTest, PatternsThatMayMatchEventChannels) {
  for (std::string_view pattern :
       {"*", "__key*", "__keyspace@0__:*", "__keyevent@*__:del", "_?key*", "[_x]_keyspace@*",
        "\\__keyspace@0__:x", "__key[se]*"}) {
    EXPECT_TRUE(MayMatchEventChannels(pattern)) << pattern;
  }
  for (std::string_view pattern : {"", "news*", "__keys", "?", "__kex*", "_[a-z", "x*"}) {
    EXPECT_FALSE(MayMatchEventChannels(pattern)) << pattern;
  }
}

}  // namespace
}  // namespace slotway::proxy
