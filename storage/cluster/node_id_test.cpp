// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/node_id.h"

#include <gtest/gtest.h>

namespace slotway::storage::cluster {
namespace {

TEST(NodeIdTest, TakesFortyLowerCaseDigitsOnly) {
  std::string id(40, 'a');
  ASSERT_TRUE(NodeId::Parse(id));
  EXPECT_EQ(NodeId::Parse(id)->Text(), id);
  for (std::string wrong : {std::string(), std::string(39, 'a'), std::string(41, 'a'),
                            std::string(40, 'A'), std::string(40, 'g'), std::string(40, '\0')}) {
    EXPECT_FALSE(NodeId::Parse(wrong)) << wrong;
  }
}

TEST(NodeIdTest, ComesFromRandomBytes) {
  std::array<std::uint8_t, 20> bytes{};
  bytes[0] = 0xab;
  bytes[19] = 0x01;
  EXPECT_EQ(NodeId::FromRandomBytes(bytes).Text(), "ab" + std::string(37, '0') + "1");
}

TEST(NodeFlagsTest, TextAndBack) {
  for (std::string text : {"myself,master", "slave,fail?", "master,fail", "handshake,noaddr",
                           "master,nofailover", "noflags"}) {
    std::optional<NodeFlags> flags = ParseFlags(text);
    ASSERT_TRUE(flags) << text;
    EXPECT_EQ(FlagsText(*flags), text);
  }
  for (std::string wrong : {"", "master,", ",master", "Master", "master slave"}) {
    EXPECT_FALSE(ParseFlags(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace slotway::storage::cluster
