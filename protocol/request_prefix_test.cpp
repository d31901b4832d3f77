// SPDX-License-Identifier: Apache-2.0
#include "protocol/request_prefix.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

using PrefixWords = std::vector<std::string_view>;

TEST(RequestPrefix, GivesWhatHasBegunWhereverItIsCut) {
  const std::string_view bytes = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n";
  EXPECT_EQ(RequestPrefix(bytes), (PrefixWords{"SET", "k", "value"}));
  EXPECT_EQ(RequestPrefix(bytes.substr(0, bytes.size() - 5)), (PrefixWords{"SET", "k", "va"}));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const PrefixWords words = RequestPrefix(bytes.substr(0, length));
    EXPECT_LE(words.size(), 3u);
    if (words.size() > 1) {
      EXPECT_EQ(words[0], "SET");
    }
  }
}

TEST(RequestPrefix, GivesNothingOfWhatIsNoRequest) {
  for (std::string_view bytes : {"", "*", "+OK\r\n", "*x\r\n", "*-1\r\n", "*1\r\n:1\r\n", "*1\r\n$-1\r\n"}) {
    EXPECT_EQ(RequestPrefix(bytes), PrefixWords{}) << bytes;
  }
}

}  // namespace
}  // namespace slotway::protocol
