// SPDX-License-Identifier: Apache-2.0
#include "protocol/crc64.h"

#include <gtest/gtest.h>
#include <string>

namespace slotway::protocol {
namespace {

TEST(Crc64Test, CheckValue) {
  EXPECT_EQ(Crc64("123456789"), 0xe9c6d914c4b8d9caULL);
  EXPECT_EQ(Crc64(""), 0u);
}

TEST(Crc64Test, GoesOnWhereItStopped) {
  const std::string text = "a text of some thirty characters";
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    EXPECT_EQ(Crc64(text.substr(cut), Crc64(text.substr(0, cut))), Crc64(text)) << cut;
  }
}

}  // namespace
}  // namespace slotway::protocol
