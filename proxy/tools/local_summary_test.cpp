// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/local_summary.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

TEST(LocalSummaryTest, TellsHowToConnect) {
  EXPECT_EQ(ConnectText({"0.0.0.0", 32200, 0, "it's"}),
            "Listening on 0.0.0.0:32200\n"
            "  password  it's\n"
            "  connect   redis-cli -h 127.0.0.1 -p 32200 -a 'it'\\''s' --no-auth-warning\n");
  EXPECT_NE(ConnectText({"::", 1, 9, "x"}).find("redis-cli -h ::1 -p 1 "), std::string::npos);
  EXPECT_NE(ConnectText({"::", 1, 9, "x"}).find("http://127.0.0.1:9/ (and /metrics"), std::string::npos);
}

TEST(LocalSummaryTest, ListsShardsWithTheirReplicas) {
  const std::vector<LocalNode> nodes = {{"a", 7001, -1, "0-8191"},
                                        {"b", 7002, -1, "8192-16383"},
                                        {"c", 7003, 1, ""},
                                        {"d", 7004, 0, ""}};
  EXPECT_EQ(ShardTable(nodes, std::vector<int>{11, 12, 13, 14}),
            "  shard  role     address          pid      slots\n"
            "  1      master   127.0.0.1:7001   11       0-8191\n"
            "         replica  127.0.0.1:7004   14\n"
            "  2      master   127.0.0.1:7002   12       8192-16383\n"
            "         replica  127.0.0.1:7003   13\n");
}

}  // namespace
}  // namespace slotway::proxy
