// SPDX-License-Identifier: Apache-2.0
#include "protocol/hello_reply.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

std::string Hello(const std::string& version) {
  return "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$" +
         std::to_string(version.size()) + "\r\n" + version + "\r\n";
}

TEST(HelloReplyTest, OldServersPrintSeventeenDigits) {
  for (const char* old : {"6.2.7", "7.0.15", "7.1.240", "5.9"}) {
    EXPECT_EQ(DoubleStyleOf(Hello(old)), DoubleStyle::kSeventeenDigits) << old;
  }
  for (const char* fresh :
       {"7.2.0", "7.2.5", "7.4.1", "8.0.0", "10.1", "", "x", "7", "255.255.255"}) {
    EXPECT_EQ(DoubleStyleOf(Hello(fresh)), DoubleStyle::kShortest) << fresh;
  }
  EXPECT_EQ(DoubleStyleOf("*4\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$5\r\n6.0.1\r\n"),
            DoubleStyle::kSeventeenDigits);
  EXPECT_EQ(DoubleStyleOf("-NOPERM no\r\n"), DoubleStyle::kShortest);
  EXPECT_EQ(DoubleStyleOf(""), DoubleStyle::kShortest);
}

}  // namespace
}  // namespace slotway::protocol
