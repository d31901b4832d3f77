// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/info_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

std::string Merge(std::vector<std::string> texts, std::vector<OwnInfoField> own = {},
                  std::vector<std::string> words = {}) {
  return MergeInfo(texts, own, words);
}

TEST(InfoMerge, RulesOfFields) {
  struct Case {
    const char *section, *one, *other, *joined;
  } cases[] = {
      {"Memory", "used_memory:100", "used_memory:50", "used_memory:150"},
      {"Memory", "maxmemory_policy:noeviction", "maxmemory_policy:allkeys-lru",
       "maxmemory_policy:noeviction"},
      {"Stats", "instantaneous_input_kbps:0.62", "instantaneous_input_kbps:4.61",
       "instantaneous_input_kbps:5.23"},
      {"Persistence", "loading:0", "loading:1", "loading:1"},
      {"Persistence", "rdb_last_save_time:20", "rdb_last_save_time:10", "rdb_last_save_time:10"},
      {"Persistence", "rdb_last_bgsave_status:ok", "rdb_last_bgsave_status:err",
       "rdb_last_bgsave_status:err"},
      {"CPU", "used_cpu_sys:0.005014", "used_cpu_sys:1.000000", "used_cpu_sys:1.005014"},
      {"Keyspace", "db0:keys=1,expires=0,avg_ttl=0", "db0:keys=2,expires=1,avg_ttl=500",
       "db0:keys=3,expires=1,avg_ttl=500"},
      {"Keyspace", "db0:keys=9,expires=3,avg_ttl=100", "db0:keys=9,expires=1,avg_ttl=500",
       "db0:keys=18,expires=4,avg_ttl=200"},
      {"Commandstats", "cmdstat_get:calls=2,usec=4,usec_per_call=2.00,rejected_calls=0",
       "cmdstat_get:calls=2,usec=2,usec_per_call=1.00,rejected_calls=1",
       "cmdstat_get:calls=4,usec=6,usec_per_call=1.50,rejected_calls=1"},
      {"Errorstats", "errorstat_ERR:count=8", "errorstat_ERR:count=1", "errorstat_ERR:count=9"},
      {"Latencystats", "latency_percentiles_usec_get:p50=1.003,p99=9.007",
       "latency_percentiles_usec_get:p50=2.007,p99=3.007",
       "latency_percentiles_usec_get:p50=2.007,p99=9.007"},
      {"Unheard-of", "new_field:7", "new_field:8", "new_field:7"},
  };
  for (const Case& c : cases) {
    std::string head = std::string("# ") + c.section + "\r\n";
    EXPECT_EQ(Merge({head + c.one + "\r\n", head + c.other + "\r\n"}), head + c.joined + "\r\n");
  }
}

TEST(InfoMerge, ComputedFields) {
  std::string one =
      "# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nused_memory_rss:2097152\r\n"
      "used_memory_peak:2097152\r\nused_memory_peak_perc:50.00%\r\nmem_fragmentation_ratio:2.00\r\n";
  std::string text = Merge({one, one});
  EXPECT_THAT(text, testing::HasSubstr("used_memory_human:2.00M\r\n"));
  EXPECT_THAT(text, testing::HasSubstr("used_memory_peak_perc:50.00%\r\n"));
  EXPECT_THAT(text, testing::HasSubstr("mem_fragmentation_ratio:2.00\r\n"));
}

TEST(InfoMerge, FieldsThatOnlySomeShardsHave) {
  EXPECT_EQ(Merge({"# Keyspace\r\n", "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n"}),
            "# Keyspace\r\ndb0:keys=1,expires=0,avg_ttl=0\r\n");
  EXPECT_EQ(Merge({"# Replication\r\nslave0:ip=a,port=1\r\nrole:master\r\n"}),
            "# Replication\r\nrole:master\r\n");
}

TEST(InfoMerge, ModulesKeepTheirLines) {
  std::string text = "# Modules\r\nmodule:name=a,ver=1\r\nmodule:name=b,ver=2\r\n";
  EXPECT_EQ(Merge({text, text}), text);
}

TEST(InfoMerge, TheProxysOwn) {
  std::vector<OwnInfoField> own = {{"Server", "tcp_port", "6379"}, {"Stats", "mine", "1"}};
  EXPECT_EQ(Merge({"# Server\r\ntcp_port:7000\r\nhz:10\r\n"}, own, {"server"}),
            "# Server\r\ntcp_port:6379\r\nhz:10\r\n");
  // Nobody answered: what we know is still an answer.
  EXPECT_EQ(Merge({}, own), "# Server\r\ntcp_port:6379\r\n\r\n# Stats\r\nmine:1\r\n");
  EXPECT_EQ(Merge({}, own, {"memory"}), "");
}

TEST(InfoMerge, WhichSectionsAreWanted) {
  EXPECT_TRUE(IsInfoSectionWanted("Server", {}));
  EXPECT_FALSE(IsInfoSectionWanted("Commandstats", {}));
  std::vector<std::string> all = {"ALL"}, by_default = {"default"}, two = {"cpu", "Stats"};
  EXPECT_TRUE(IsInfoSectionWanted("Commandstats", all));
  EXPECT_FALSE(IsInfoSectionWanted("Latencystats", by_default));
  EXPECT_TRUE(IsInfoSectionWanted("CPU", two));
  EXPECT_FALSE(IsInfoSectionWanted("Server", two));
}

}  // namespace
}  // namespace slotway::proxy
