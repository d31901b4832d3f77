// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_log.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

AclLogEvent EventOf(std::string object) {
  return {.reason = AclLogReason::kKey, .object = std::move(object), .user = "u", .client = "c"};
}

TEST(AclLog, CountsTheLikeWithinAMinute) {
  AclLog log;
  log.Add(EventOf("a"), 1000, 10);
  log.Add(EventOf("b"), 2000, 10);
  log.Add(EventOf("a"), 61'000, 10);
  ASSERT_EQ(log.Entries().size(), 2u);
  EXPECT_EQ(log.Entries()[0].event.object, "a");
  EXPECT_EQ(log.Entries()[0].count, 2u);
  EXPECT_EQ(log.Entries()[0].id, 0u);
  EXPECT_EQ(log.Entries()[0].created_ms, 1000);
  EXPECT_EQ(log.Entries()[0].updated_ms, 61'000);
  log.Add(EventOf("a"), 121'001, 10);
  ASSERT_EQ(log.Entries().size(), 3u);
  EXPECT_EQ(log.Entries()[0].id, 2u);
  AclLogEvent other = EventOf("a");
  other.context = AclLogContext::kLua;
  log.Add(other, 121'001, 10);
  EXPECT_EQ(log.Entries().size(), 4u);
}

TEST(AclLog, IsBounded) {
  AclLog log;
  for (int i = 0; i < 20; ++i) log.Add(EventOf(std::to_string(i)), 0, 5);
  EXPECT_EQ(log.Entries().size(), 5u);
  EXPECT_EQ(log.Entries().front().event.object, "19");
  log.Add(EventOf("x"), 0, 0);
  EXPECT_TRUE(log.Entries().empty());
}

}  // namespace
}  // namespace slotway::protocol
