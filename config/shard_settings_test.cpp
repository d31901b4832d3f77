// SPDX-License-Identifier: Apache-2.0
#include "config/shard_settings.h"

#include <fnmatch.h>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <sstream>

#include "config/shard_schema.h"

namespace slotway::config {
namespace {

using testing::ElementsAre;
using testing::Pair;

bool Matches(std::string_view pattern, std::string_view text) {
  return fnmatch(std::string(pattern).c_str(), std::string(text).c_str(), FNM_CASEFOLD) == 0;
}

std::string Shown(const ShardSettings& settings, std::string_view name) {
  auto found = settings.Get(name, Matches);
  return found.empty() ? "(none)" : found[0].second;
}

struct GoldenRow {
  std::string name, value, answer;
};

std::vector<GoldenRow> ReadGolden(const std::string& file) {
  std::vector<GoldenRow> rows;
  std::ifstream stream(std::string(SLOTWAY_TEST_DATA) + "/" + file);
  for (std::string line; std::getline(stream, line);) {
    size_t first = line.find('\t');
    size_t second = line.find('\t', first + 1);
    rows.push_back({line.substr(0, first), line.substr(first + 1, second - first - 1),
                    second == std::string::npos ? "" : line.substr(second + 1)});
  }
  return rows;
}

TEST(ShardSettings, DefaultsAreThoseOfRedis) {
  auto rows = ReadGolden("config-defaults-redis-7.0.15.tsv");
  ASSERT_GT(rows.size(), 150u);
  ShardSettings settings;
  for (const GoldenRow& row : rows) {
    if (row.name == "cluster-node-timeout") continue;  // a seventh: see config/shard.yaml
    EXPECT_EQ(Shown(settings, row.name), row.value) << row.name;
  }
}

// What a real server answered to CONFIG SET of 21 values for each setting.
TEST(ShardSettings, SetAnswersAsRedisDoes) {
  // Checked where they take effect, or settings whose text has rules we do not need.
  const std::set<std::string> not_compared = {"proc-title-template", "oom-score-adj-values",
                                              "tls-cluster", "tls-replication"};
  auto rows = ReadGolden("config-set-redis-7.0.15.tsv");
  ASSERT_GT(rows.size(), 1000u);
  int compared = 0;
  for (const GoldenRow& row : rows) {
    const Setting* setting = FindSetting(row.name);
    ASSERT_NE(setting, nullptr) << row.name;
    if (not_compared.count(row.name)) continue;
    ShardSettings settings;
    auto error = settings.Set(row.name, row.value);
    std::string where = row.name + " '" + row.value + "'";
    ++compared;
    bool is_ok = row.answer[0] == '=';
    if (!setting->only_default.empty() &&
        !(is_ok && row.answer.substr(1) == DefaultValue(*setting))) {
      EXPECT_TRUE(error) << where;
      continue;
    }
    if (is_ok) {
      EXPECT_EQ(error, std::nullopt) << where;
      // Redis shows what ours keeps to itself.
      const std::string shown = setting->Is(kSecret) ? "" : row.answer.substr(1);
      EXPECT_EQ(Shown(settings, row.name), shown) << where;
    } else {
      EXPECT_EQ(error, "ERR CONFIG SET failed (possibly related to argument '" + row.name +
                           "') - " + row.answer.substr(1))
          << where;
    }
  }
  EXPECT_GT(compared, 1000);
}

TEST(ShardSettings, SetOfSpecialValues) {
  struct Case {
    std::string name, value, answer;  // '=' shown, '-' reason
  } cases[] = {
      {"client-output-buffer-limit", "slave 1mb 2mb 60",
       "=normal 0 0 0 slave 1048576 2097152 60 pubsub 33554432 8388608 60"},
      {"client-output-buffer-limit", "normal 1 2 3 pubsub 4 5 6",
       "=normal 1 2 3 slave 268435456 67108864 60 pubsub 4 5 6"},
      {"client-output-buffer-limit", "replica 1gb 1k 1",
       "=normal 0 0 0 slave 1073741824 1000 1 pubsub 33554432 8388608 60"},
      {"client-output-buffer-limit", "foo 1 2 3",
       "-Invalid client class specified in buffer limit configuration."},
      {"client-output-buffer-limit", "normal 1 2",
       "-Wrong number of arguments in buffer limit configuration."},
      {"client-output-buffer-limit", "normal a 2 3",
       "-Error in hard, soft or soft_seconds setting in buffer limit configuration."},
      {"client-output-buffer-limit", "normal 1 2 -3",
       "-Error in hard, soft or soft_seconds setting in buffer limit configuration."},
      {"notify-keyspace-events", "KEA", "=AKE"},
      {"notify-keyspace-events", "Elmn", "=lnEm"},
      {"maxmemory-policy", "allkeys-lru", "=allkeys-lru"},
      {"notify-keyspace-events", "q", "-Invalid event class character. Use 'Ag$lshzxeKEtmdn'."},
      {"latency-tracking-info-percentiles", "50 99.9 100", "=50 99.9 100"},
      {"latency-tracking-info-percentiles", "12.345678", "=12.345678"},
      {"latency-tracking-info-percentiles", "1e1", "=10"},
      {"latency-tracking-info-percentiles", "", "="},
      {"latency-tracking-info-percentiles", "50  60",
       "-Invalid latency-tracking-info-percentiles parameters"},
      {"save", "900 1 300", "-Invalid save parameters"},
      {"save", " 900  1", "-Invalid save parameters"},
      {"save", "900 1", "=900 1"},
      {"shutdown-on-sigterm", "NOW nosave", "=nosave now"},
      {"shutdown-on-sigterm", "default force", "=force"},
      {"shutdown-on-sigint", "default", "=default"},
      {"shutdown-on-sigint", "save nosave",
       "-shutdown options SAVE and NOSAVE can't be used simultaneously"},
      {"appendonly", "yes", "=yes"},
      {"aof-use-rdb-preamble", "no", "=no"},
      {"hz", "501", "=500"},
      {"port", "70000", "-argument must be between 0 and 65535 inclusive"},
      {"bind", "127.0.0.1 ::1", "=127.0.0.1 ::1"},
      {"bind", "", "="},
      {"cluster-announce-hostname", "a_b",
       "-Hostnames may only contain alphanumeric characters, hyphens or dots"},
      {"cluster-announce-hostname", std::string(256, 'a'),
       "-Hostnames must be less than 256 characters"},
      {"slaveof", "a 1", "-can't set immutable config"},
      {"databases", "16", "-can't set immutable config"},
      {"admin-port", "1", "-can't set immutable config"},
      {"admin-port", "0", "=0"},
      {"HASH-MAX-ZIPLIST-entries", "7", "=7"},
  };
  for (const Case& c : cases) {
    ShardSettings settings;
    auto error = settings.Set(c.name, c.value);
    if (c.answer[0] == '=') {
      EXPECT_EQ(error, std::nullopt) << c.name << ' ' << c.value;
      EXPECT_EQ(Shown(settings, c.name), c.answer.substr(1)) << c.value;
    } else {
      EXPECT_EQ(error, "ERR CONFIG SET failed (possibly related to argument '" + c.name + "') - " +
                           c.answer.substr(1));
    }
  }
}

TEST(ShardSettings, SetOfSeveralIsAllOrNothing) {
  using Change = ShardSettings::Change;
  struct Case {
    std::vector<Change> changes;
    std::optional<std::string> error;
  } cases[] = {
      {{{"maxmemory", "1mb"}, {"hz", "20"}}, std::nullopt},
      {{{"maxmemory", "1"}, {"foo", "2"}},
       "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"},
      {{{"maxmemory", "1"}, {"maxmemory", "2"}},
       "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter"},
      {{{"maxmemory", "1"}, {"hz", "abc"}},
       "ERR CONFIG SET failed (possibly related to argument 'hz') - argument couldn't be parsed "
       "into an integer"},
      {{{"hz", "20"}, {"maxmemory", "-1"}},
       "ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a "
       "memory value"},
      {{{"databases", "1"}, {"hz", "20"}},
       "ERR CONFIG SET failed (possibly related to argument 'databases') - can't set immutable "
       "config"},
      {{{"user", "alice on"}}, "ERR Unknown option or number of arguments for CONFIG SET - 'user'"},
  };
  for (const Case& c : cases) {
    ShardSettings settings;
    EXPECT_EQ(settings.Set(c.changes), c.error);
    if (c.error) {
      EXPECT_TRUE(settings.values() == ShardConfig());
    }
  }
}

TEST(ShardSettings, ProtectedSettings) {
  ShardSettings settings;
  EXPECT_EQ(settings.Set("dir", "/"),
            "ERR CONFIG SET failed (possibly related to argument 'dir') - can't set protected "
            "config");
  ShardConfig local;
  local.enable_protected_configs = LocalOnly::kLocal;
  ShardSettings for_local(local);
  ShardSettings::Change change{"dir", "/"};
  EXPECT_TRUE(for_local.Set(std::span(&change, 1), false));
  EXPECT_FALSE(for_local.Set(std::span(&change, 1), true));
  EXPECT_EQ(for_local.values().dir, "/");
  ShardSettings::Change missing{"dir", "/nonexistent"};
  EXPECT_EQ(for_local.Set(std::span(&missing, 1), true),
            "ERR CONFIG SET failed (possibly related to argument 'dir') - No such file or "
            "directory");
}

TEST(ShardSettings, AppliersMayRefuse) {
  ShardSettings settings;
  std::vector<std::string> log;
  const std::string_view memory[] = {"maxmemory", "maxmemory-samples"};
  settings.OnSet(memory, [&](const ShardConfig& values) -> std::optional<std::string> {
    log.push_back("memory " + std::to_string(values.maxmemory_bytes));
    return std::nullopt;
  });
  const std::string_view clients[] = {"maxclients"};
  settings.OnSet(clients, [&](const ShardConfig& values) -> std::optional<std::string> {
    if (values.maxclients > 20000) return "try with 20000";
    log.push_back("clients " + std::to_string(values.maxclients));
    return std::nullopt;
  });
  const ShardSettings::Change fine[] = {{"maxmemory", "5"}, {"maxmemory-samples", "6"}};
  EXPECT_EQ(settings.Set(fine), std::nullopt);
  EXPECT_THAT(log, ElementsAre("memory 5"));
  log.clear();
  const ShardSettings::Change refused[] = {{"maxmemory", "7"}, {"maxclients", "30000"}};
  EXPECT_EQ(settings.Set(refused),
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - try with 20000");
  // The one that refused, too: it may have begun.
  EXPECT_THAT(log, ElementsAre("memory 7", "memory 5", "clients 10000"));
  EXPECT_EQ(settings.values().maxmemory_bytes, 5u);
  EXPECT_EQ(settings.values().maxclients, 10000);
}

TEST(ShardSettings, MemoryForClientsMayBeAPercentage) {
  ShardSettings settings;
  const std::string failed =
      "ERR CONFIG SET failed (possibly related to argument 'maxmemory-clients') - ";
  EXPECT_EQ(settings.Set("maxmemory-clients", "200%"),
            failed + "percentage argument must be less or equal to 100");
  EXPECT_EQ(settings.Set("maxmemory-clients", "x%"),
            failed + "argument must be a memory or percent value");
  EXPECT_EQ(settings.Set("maxmemory-clients", "7%"), std::nullopt);
  EXPECT_THAT(settings.Get("maxmemory-clients", Matches),
              ElementsAre(Pair("maxmemory-clients", "7%")));
  EXPECT_EQ(settings.Set("maxmemory-clients", "3mb"), std::nullopt);
  EXPECT_THAT(settings.Get("maxmemory-clients", Matches),
              ElementsAre(Pair("maxmemory-clients", "3145728")));
  EXPECT_EQ(settings.Set("maxmemory-clients", "0"), std::nullopt);
}

TEST(ShardSettings, GetByPattern) {
  ShardSettings settings;
  EXPECT_THAT(settings.Get("hash-max-*entries", Matches),
              ElementsAre(Pair("hash-max-listpack-entries", "512"),
                          Pair("hash-max-ziplist-entries", "512")));
  EXPECT_THAT(settings.Get("hash-max-ZIPLIST-entries", Matches),
              ElementsAre(Pair("hash-max-ZIPLIST-entries", "512")));
  const std::string_view several[] = {"max*-samples", "MAXMEMORY-SAMPLES", "nonsense", "port"};
  EXPECT_THAT(settings.Get(several, Matches),
              ElementsAre(Pair("maxmemory-samples", "5"), Pair("port", "6379")));
  EXPECT_THAT(settings.Get("key-load-delay", Matches), ElementsAre(Pair("key-load-delay", "0")));
  EXPECT_TRUE(settings.Get("key-load-del*", Matches).empty());
  EXPECT_TRUE(settings.Get("user", Matches).empty());
  EXPECT_GT(settings.Get("*", Matches).size(), 180u);
}

TEST(ShardSchema, NamesAreUniqueAndDefaultsRoundTrip) {
  std::set<std::string_view> names;
  for (const Setting& setting : ShardSchema()) {
    EXPECT_TRUE(names.insert(setting.name).second) << setting.name;
    if (!setting.alias.empty()) {
      EXPECT_TRUE(names.insert(setting.alias).second) << setting.alias;
    }
    if (setting.Is(kFileOnly)) continue;
    ShardConfig config;
    std::vector<std::string> args;
    std::istringstream words(DefaultValue(setting));
    if (setting.Is(kMultiArg)) {
      for (std::string word; words >> word;) args.push_back(word);
    } else {
      args.push_back(DefaultValue(setting));
    }
    EXPECT_EQ(SetValue(setting, args, config), std::nullopt) << setting.name;
    EXPECT_TRUE(config == ShardConfig()) << setting.name;
  }
}

}  // namespace
}  // namespace slotway::config
