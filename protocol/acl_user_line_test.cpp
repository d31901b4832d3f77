// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_user_line.h"

#include <gtest/gtest.h>

#include "protocol/acl_test_context.h"

namespace slotway::protocol {
namespace {

TEST(AclUserLine, ALineIsANameAndRules) {
  EXPECT_EQ(AclUserLineName("  alice  on"), "alice");
  EXPECT_EQ(AclUserLineName(" "), "");
  const auto user = ReadAclUserLine("alice on  nopass ~app:* +get", kContext);
  ASSERT_TRUE(user) << user.error();
  EXPECT_EQ(user->Name(), "alice");
  EXPECT_EQ(user->Describe(), "on nopass ~app:* resetchannels -@all +get");
}

TEST(AclUserLine, WhatIsWrongIsSaid) {
  EXPECT_EQ(ReadAclUserLine("", kContext).error(), "needs a name and rules");
  EXPECT_NE(ReadAclUserLine("alice +nosuch", kContext).error().find("'+nosuch'"),
            std::string::npos);
}

}  // namespace
}  // namespace slotway::protocol
