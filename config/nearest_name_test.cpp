// SPDX-License-Identifier: Apache-2.0
#include "config/nearest_name.h"

#include <gtest/gtest.h>

namespace slotway::config {
namespace {

TEST(NearestName, FindsTheFewestEdits) {
  const std::string_view known[] = {"port", "workers", "maxmemory", "maxmemory-policy",
                                    "tcp-backlog"};
  struct Case {
    std::string_view wrong, nearest;
  } cases[] = {
      {"prt", "port"},
      {"worker", "workers"},
      {"max-memory", "maxmemory"},
      {"maxmemory_policy", "maxmemory-policy"},
      {"TCP-BACKLOG", "tcp-backlog"},
      {"completely-different", ""},
      {"", ""},
      {"x", ""},
  };
  for (const Case& c : cases) EXPECT_EQ(NearestName(c.wrong, known), c.nearest) << c.wrong;
  EXPECT_EQ(Suggestion("prt", known), " (did you mean 'port'?)");
  EXPECT_EQ(Suggestion("nothing-like-it", known), "");
}

}  // namespace
}  // namespace slotway::config
