// SPDX-License-Identifier: Apache-2.0
// Requests that need room, through the executor.
#include "storage/server/evictor.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/command_runner.h"
#include "storage/server/executor.h"

namespace slotway::storage {
namespace {

constexpr std::string_view kOom = "-OOM command not allowed when used memory > 'maxmemory'.\r\n";

class EvictorTest : public ::testing::Test {
 protected:
  EvictorTest() : executor_(runner_.State(), runner_.Handlers(), nullptr) {
    executor_.Eviction().OnUnfinished([this] { ++unfinished_; });
    Set("maxmemory-eviction-tenacity", "100");
  }

  std::string Send(const std::vector<std::string>& request) {
    const std::vector<std::string_view> args(request.begin(), request.end());
    runtime::ByteQueue output;
    executor_.Execute(runner_.Client(), executor_.Prepare(args), output);
    std::string reply;
    output.CopyTo(output.Begin(), output.Size(), reply);
    return reply;
  }
  ServerState& State() { return runner_.State(); }
  void Set(const std::string& setting, const std::string& value) {
    ASSERT_EQ(State().settings.Set(setting, value), std::nullopt);
    State().ApplyAccessRules();
  }
  // From here on there is room for so many bytes more, or fewer.
  void Limit(std::int64_t more_bytes) {
    const auto used = static_cast<std::int64_t>(State().UsedMemoryBytes());
    Set("maxmemory", std::to_string(used + more_bytes));
  }
  std::string SetKey(const std::string& key, const std::string& ttl_s = {}) {
    const std::string value(1000, 'x');
    if (ttl_s.empty()) return Send({"set", key, value});
    return Send({"set", key, value, "ex", ttl_s});
  }
  bool Exists(const std::string& key, int db_index = 0) {
    return State().Database(db_index).Exists(protocol::SlotOfKey(key), key, State().now_ms);
  }
  int CountOf(const std::string& prefix, int count) {
    int found = 0;
    for (int i = 0; i < count; ++i) found += Exists(prefix + std::to_string(i)) ? 1 : 0;
    return found;
  }

  CommandRunner runner_;
  Executor executor_;
  int unfinished_ = 0;
};

TEST_F(EvictorTest, EveryPolicyKeepsTheLimit) {
  for (const std::string policy : {"allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru",
                                   "volatile-lfu", "volatile-random", "volatile-ttl"}) {
    SCOPED_TRACE(policy);
    Set("maxmemory", "0");
    Send({"flushall"});
    Set("maxmemory-policy", policy);
    const std::uint64_t evicted_before = State().stats.evicted_keys;
    for (int i = 0; i < 200; ++i) SetKey("keep" + std::to_string(i));
    Limit(300'000);
    for (int i = 0; i < 1000; ++i) {
      ASSERT_EQ(SetKey("k" + std::to_string(i), "1000"), "+OK\r\n") << i;
    }
    Send({"ping"});
    EXPECT_LE(State().UsedMemoryBytes(), State().Config().maxmemory_bytes);
    EXPECT_GT(State().stats.evicted_keys, evicted_before + 500);
    EXPECT_GT(State().Database(0).Size(), 250u);
    if (policy.starts_with("volatile")) {
      EXPECT_EQ(CountOf("keep", 200), 200);
    }
    EXPECT_EQ(State().Database(0).Size() + State().stats.evicted_keys - evicted_before, 1200u);
  }
  EXPECT_EQ(unfinished_, 0);
}

TEST_F(EvictorTest, WithNothingToEvictOnlyWhatAddsDataIsRefused) {
  for (const std::string policy : {"noeviction", "volatile-lru", "volatile-random"}) {
    SCOPED_TRACE(policy);
    Set("maxmemory", "0");
    Set("maxmemory-policy", policy);
    SetKey("a");
    Set("maxmemory", "1");
    EXPECT_EQ(Send({"set", "b", "1"}), kOom);
    EXPECT_EQ(Send({"exists", "a"}), ":1\r\n");
    EXPECT_TRUE(State().IsOutOfMemory());
    EXPECT_NE(State().stats.over_memory_since_us, 0u);
    EXPECT_EQ(Send({"del", "a"}), ":1\r\n");
    Set("maxmemory", "0");
    EXPECT_EQ(Send({"set", "b", "1"}), "+OK\r\n");
  }
}

TEST_F(EvictorTest, TheOldestAndTheRarestGo) {
  for (const std::string policy : {"allkeys-lru", "allkeys-lfu"}) {
    SCOPED_TRACE(policy);
    Set("maxmemory", "0");
    Send({"flushall"});
    Set("maxmemory-policy", policy);
    for (int i = 0; i < 200; ++i) SetKey("cold" + std::to_string(i));
    for (int i = 0; i < 200; ++i) SetKey("hot" + std::to_string(i));
    runner_.Advance(2000);
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < 200; ++i) Send({"get", "hot" + std::to_string(i)});
    }
    Limit(-100'000);
    Send({"ping"});
    EXPECT_EQ(CountOf("hot", 200), 200);
    EXPECT_LT(CountOf("cold", 200), 110);
  }
}

TEST_F(EvictorTest, WhatIsDueSoonestGoes) {
  Set("maxmemory-policy", "volatile-ttl");
  Set("maxmemory-samples", "64");  // each with one of the hundred that end soon, as good as surely
  for (int i = 0; i < 300; ++i) {
    SetKey("k" + std::to_string(i), std::to_string(i < 100 ? 100 + i : 10'000 + i));
  }
  Limit(-40'000);
  Send({"ping"});
  EXPECT_EQ(CountOf("k", 300) - CountOf("k", 100), 200);
  EXPECT_LT(CountOf("k", 100), 65);
}

TEST_F(EvictorTest, KeysOfAllDatabasesGo) {
  for (const std::string policy : {"allkeys-lru", "allkeys-random", "volatile-random"}) {
    SCOPED_TRACE(policy);
    Set("maxmemory", "0");
    Send({"flushall"});
    Set("maxmemory-policy", policy);
    for (const std::string db : {"0", "5", "9"}) {
      Send({"select", db});
      for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i), "100");
    }
    Limit(-150'000);
    Send({"ping"});
    for (const int db : {0, 5, 9}) {
      EXPECT_LT(State().Database(db).Size(), 100u);
      EXPECT_GT(State().Database(db).Size(), 0u);
    }
  }
}

TEST_F(EvictorTest, KeysWhoseTimeHasComeExpireInstead) {
  Set("maxmemory-policy", "allkeys-lru");
  for (int i = 0; i < 100; ++i) SetKey("due" + std::to_string(i), "1");
  for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i));
  runner_.Advance(5000);
  Limit(-90'000);
  Send({"ping"});
  EXPECT_EQ(CountOf("k", 100), 100);
  EXPECT_EQ(State().stats.evicted_keys, 0u);
  EXPECT_GT(State().stats.expired_keys, 80u);
}

TEST_F(EvictorTest, NoKeyGoesWithinATransaction) {
  Set("maxmemory-policy", "allkeys-random");
  SetKey("a");
  Limit(200'000);
  Send({"multi"});
  for (int i = 0; i < 100; ++i) Send({"setrange", "k" + std::to_string(i), "4000", "x"});
  Send({"exists", "a"});
  const std::string reply = Send({"exec"});
  EXPECT_TRUE(reply.starts_with("*101\r\n:4001\r\n"));
  EXPECT_TRUE(reply.ends_with(":1\r\n"));
  EXPECT_GT(State().UsedMemoryBytes(), State().Config().maxmemory_bytes);
  Send({"ping"});
  EXPECT_LE(State().UsedMemoryBytes(), State().Config().maxmemory_bytes);
}

TEST_F(EvictorTest, PausedDataStays) {
  Set("maxmemory-policy", "allkeys-random");
  for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i));
  State().paused_until_ms = State().now_ms + 1000;
  Limit(-50'000);
  Send({"ping"});
  EXPECT_EQ(State().Database(0).Size(), 100u);
  runner_.Advance(1000);
  Send({"ping"});
  EXPECT_LT(State().Database(0).Size(), 60u);
}

TEST_F(EvictorTest, ATurnIsBounded) {
  Set("maxmemory-policy", "allkeys-lru");
  for (int i = 0; i < 2000; ++i) SetKey("k" + std::to_string(i));
  Set("maxmemory-eviction-tenacity", "0");
  Limit(-1'000'000);
  EXPECT_EQ(SetKey("more"), "+OK\r\n");
  EXPECT_EQ(unfinished_, 1);
  EXPECT_GT(State().Database(0).Size(), 1900u);
  int turns = 0;
  for (; State().IsOverMemoryLimit(); ++turns) ASSERT_TRUE(executor_.Eviction().HasRoom());
  EXPECT_GT(turns, 20);
  EXPECT_EQ(unfinished_, turns);
  EXPECT_EQ(State().stats.over_memory_since_us, 0u);
  EXPECT_GT(State().stats.over_memory_us, 0u);
}

TEST_F(EvictorTest, WhatWaitsForReplicasAndForTheLogDoesNotCount) {
  Set("maxmemory-policy", "allkeys-lru");
  Set("repl-backlog-size", "100000");
  for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i));
  Limit(50'000);
  const std::string stream(400'000, 's');
  const std::string buffer(200'000, 'b');
  Send({"ping"});
  EXPECT_LT(CountOf("k", 100), 100);
  Set("maxmemory", "0");
  for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i));
  State().replication.log_bytes = 400'000;
  State().persistence.log.buffered_bytes = 200'000;
  EXPECT_EQ(State().UsedMemoryBytes() - State().CountedMemoryBytes(), 500'000u);
  Limit(-490'000);
  Send({"ping"});
  EXPECT_EQ(CountOf("k", 100), 100);
  State().replication.log_bytes = 100'000;  // a backlog of that size counts
  State().persistence.log.buffered_bytes = 0;
  Send({"ping"});
  EXPECT_LT(CountOf("k", 100), 100);
}

TEST_F(EvictorTest, WhatIsDeadAlreadyGoesBeforeWhatLives) {
  Set("maxmemory-policy", "allkeys-lru");
  for (int i = 0; i < 500; ++i) SetKey("dead" + std::to_string(i));
  Send({"flushall", "async"});
  for (int i = 0; i < 100; ++i) SetKey("k" + std::to_string(i));
  Limit(-400'000);
  Send({"ping"});
  EXPECT_EQ(CountOf("k", 100), 100);
  EXPECT_LE(State().UsedMemoryBytes(), State().Config().maxmemory_bytes);
}

TEST_F(EvictorTest, LargeValuesAreFreedAtOnceOrLazily) {
  for (const std::string lazy : {"no", "yes"}) {
    SCOPED_TRACE(lazy);
    Set("maxmemory", "0");
    Set("lazyfree-lazy-eviction", lazy);
    Set("maxmemory-policy", "allkeys-lru");
    State().stats.lazyfreed_objects = 0;
    std::vector<std::string> add = {"sadd", "s"};
    for (int i = 0; i < 20'000; ++i) add.push_back("member" + std::to_string(i));
    Send(add);
    Limit(-10'000);
    Send({"ping"});
    EXPECT_FALSE(Exists("s"));
    const bool is_lazy = lazy == "yes";
    EXPECT_EQ(State().Database(0).PendingFrees(), is_lazy ? 1u : 0u);
    EXPECT_LE(State().UsedMemoryBytes(), State().Config().maxmemory_bytes);
    while (State().Database(0).FreeFlushed(1000)) {
    }
  }
}

TEST_F(EvictorTest, ListenersHearOfIt) {
  Listener listener(State());
  listener.HearKeyEvents();
  Set("maxmemory-policy", "allkeys-lru");
  SetKey("a");
  listener.TakeKeyEvents();
  Set("maxmemory", "1");
  Send({"ping"});
  EXPECT_EQ(listener.TakeKeyEvents(), "evicted a, ");
}

// Invalidations and events that wait for their sockets are memory, too: counted, they would make
// more keys go, of which more would be told.
TEST_F(EvictorTest, NoMoreKeysGoBeforeThoseWhoAreToldWereSentIt) {
  std::uint64_t flushes = 0;
  executor_.Eviction().WatchFlushes([&flushes] { return flushes; });
  Set("maxmemory-policy", "allkeys-lru");
  Set("notify-keyspace-events", "KEA");
  for (int i = 0; i < 100; ++i) SetKey("key" + std::to_string(i));
  Limit(-5000);
  EXPECT_TRUE(executor_.Eviction().HasRoom());
  const std::uint64_t evicted = State().stats.evicted_keys;
  EXPECT_GT(evicted, 0u);
  Limit(-5000);
  EXPECT_TRUE(executor_.Eviction().HasRoom());
  EXPECT_EQ(State().stats.evicted_keys, evicted);
  EXPECT_EQ(unfinished_, 1);  // the loop asks again, also if no command comes
  ++flushes;
  EXPECT_TRUE(executor_.Eviction().HasRoom());
  EXPECT_GT(State().stats.evicted_keys, evicted);
}

}  // namespace
}  // namespace slotway::storage
