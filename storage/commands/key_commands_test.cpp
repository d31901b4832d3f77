// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

std::string SetLargeHash(CommandRunner& runner) {
  std::vector<std::string> request{"hset", "h"};
  for (int i = 0; i < 1000; ++i) {
    request.push_back("field" + std::to_string(i));
    request.emplace_back("value");
  }
  return runner.Run(request);
}

TEST(KeyCommandsTest, MemoryIsFreedWhenItIsWanted) {
  CommandRunner runner;
  Keyspace& keyspace = runner.State().Database(0);
  const auto object_bytes = [&] { return keyspace.Memory().object_bytes; };
  ASSERT_EQ(SetLargeHash(runner), ":1000\r\n");
  ASSERT_GT(object_bytes(), 0u);
  EXPECT_EQ(runner.Run({"del", "h"}), ":1\r\n");
  EXPECT_EQ(object_bytes(), 0u);

  SetLargeHash(runner);
  EXPECT_EQ(runner.Run({"unlink", "h"}), ":1\r\n");
  EXPECT_GT(object_bytes(), 0u);
  EXPECT_EQ(keyspace.PendingFrees(), 1u);
  while (keyspace.FreeFlushed(100)) {
  }
  EXPECT_EQ(object_bytes(), 0u);

  SetLargeHash(runner);
  runner.Run({"config", "set", "lazyfree-lazy-user-del", "yes"});
  runner.Run({"del", "h"});
  EXPECT_EQ(keyspace.PendingFrees(), 1u);
  runner.Run({"flushall"});
  EXPECT_EQ(keyspace.PendingFrees(), 0u);

  SetLargeHash(runner);
  runner.Run({"flushall", "async"});
  EXPECT_EQ(keyspace.PendingFrees(), 1u);
  runner.Run({"flushdb", "sync"});
  EXPECT_EQ(object_bytes(), 0u);
  SetLargeHash(runner);
  runner.Run({"config", "set", "lazyfree-lazy-user-flush", "yes"});
  runner.Run({"flushdb"});
  EXPECT_EQ(keyspace.PendingFrees(), 1u);
  EXPECT_EQ(runner.Run({"flushdb", "later"}), "-ERR syntax error\r\n");
}

TEST(KeyCommandsTest, ExpiryEndsAtItsMillisecond) {
  CommandRunner runner;
  runner.Run({"set", "k", "v", "px", "1500"});
  EXPECT_EQ(runner.Run({"ttl", "k"}), ":2\r\n");
  runner.Advance(1499);
  EXPECT_EQ(runner.Run({"get", "k"}), "$1\r\nv\r\n");
  runner.Advance(2);
  EXPECT_EQ(runner.Run({"get", "k"}), "$-1\r\n");
  EXPECT_EQ(runner.Run({"ttl", "k"}), ":-2\r\n");
}

TEST(KeyCommandsTest, ExpireConditions) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "k", "v"}, kOk},
                     {{"expire", "k", "100", "xx"}, ":0\r\n"},
                     {{"expire", "k", "100", "gt"}, ":0\r\n"},
                     {{"expire", "k", "100", "lt"}, ":1\r\n"},
                     {{"expire", "k", "200", "nx"}, ":0\r\n"},
                     {{"expire", "k", "50", "gt"}, ":0\r\n"},
                     {{"expire", "k", "200", "xx", "gt"}, ":1\r\n"},
                     {{"ttl", "k"}, ":200\r\n"},
                     {{"expire", "k", "1", "nx", "gt"},
                      "-ERR NX and XX, GT or LT options at the same time are not compatible\r\n"},
                     {{"expire", "k", "1", "gt", "lt"},
                      "-ERR GT and LT options at the same time are not compatible\r\n"},
                     {{"expire", "k", "1", "foo"}, "-ERR Unsupported option foo\r\n"},
                     {{"expire", "k", "9223372036854775807"},
                      "-ERR invalid expire time in 'expire' command\r\n"},
                     {{"expire", "k", "-1"}, ":1\r\n"},
                     {{"exists", "k"}, ":0\r\n"},
                 }),
            "");
}

TEST(KeyCommandsTest, RenameCopyMove) {
  CommandRunner runner;
  EXPECT_EQ(Play(runner,
                 {
                     {{"set", "a", "1", "ex", "100"}, kOk},
                     {{"rename", "a", "b"}, kOk},
                     {{"ttl", "b"}, ":100\r\n"},
                     {{"rename", "a", "b"}, "-ERR no such key\r\n"},
                     {{"copy", "b", "c"}, ":1\r\n"},
                     {{"copy", "b", "c"}, ":0\r\n"},
                     {{"ttl", "c"}, ":100\r\n"},
                     {{"copy", "b", "b"}, "-ERR source and destination objects are the same\r\n"},
                     {{"renamenx", "b", "c"}, ":0\r\n"},
                     {{"move", "c", "1"}, ":1\r\n"},
                     {{"exists", "c"}, ":0\r\n"},
                     {{"select", "1"}, kOk},
                     {{"ttl", "c"}, ":100\r\n"},
                     {{"swapdb", "0", "1"}, kOk},
                     {{"exists", "b", "c"}, ":1\r\n"},
                 }),
            "");
}

TEST(KeyCommandsTest, ScanDeletesWhatIsDueAndOfTheTypeAskedFor) {
  CommandRunner runner;
  runner.Run({"set", "string", "v", "px", "1"});
  runner.Run({"hset", "hash", "f", "v"});
  runner.Run({"pexpire", "hash", "1"});
  runner.Advance(5);
  const std::string nothing = "*2\r\n$1\r\n0\r\n*0\r\n";
  EXPECT_EQ(runner.Run({"scan", "0", "type", "string"}), nothing);
  EXPECT_EQ(runner.Run({"dbsize"}), ":1\r\n");
  EXPECT_EQ(runner.Run({"scan", "0"}), nothing);
  EXPECT_EQ(runner.Run({"dbsize"}), ":0\r\n");
  EXPECT_EQ(runner.State().stats.expired_keys, 2u);
}

TEST(KeyCommandsTest, ScanVisitsEverything) {
  CommandRunner runner;
  std::set<std::string> wanted;
  for (int i = 0; i < 500; ++i) {
    std::string key = "key" + std::to_string(i);
    runner.Run({"set", key, "v"});
    wanted.insert(key);
  }
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  Keyspace& keyspace = runner.State().Database(0);
  do {
    cursor = keyspace.Scan(cursor, 7, runner.State().now_ms,
                           [&](const Entry& entry) { seen.emplace(entry.key()); });
  } while (cursor != 0);
  EXPECT_EQ(seen, wanted);
  EXPECT_EQ(runner.Run({"scan", "x"}), "-ERR invalid cursor\r\n");
  EXPECT_EQ(runner.Run({"scan", "0", "count", "0"}), "-ERR syntax error\r\n");
  EXPECT_EQ(runner.Run({"scan", "0", "count", "10000", "type", "hash"}), "*2\r\n$1\r\n0\r\n*0\r\n");
}

TEST(KeyCommandsTest, DumpAndRestore) {
  CommandRunner runner;
  runner.Run({"set", "s", "hello"});
  std::string reply = runner.Run({"dump", "s"});
  std::string payload = reply.substr(reply.find("\r\n") + 2);
  payload.resize(payload.size() - 2);
  // As redis-server 7.0.15 dumps it.
  EXPECT_EQ(payload.substr(0, 9), std::string("\0\5hello\x0a\0", 9));
  EXPECT_EQ(
      Play(runner,
           {
               {{"restore", "s", "0", payload}, "-BUSYKEY Target key name already exists.\r\n"},
               {{"restore", "t", "-1", payload}, "-ERR Invalid TTL value, must be >= 0\r\n"},
               {{"restore", "t", "0", payload}, kOk},
               {{"get", "t"}, "$5\r\nhello\r\n"},
               {{"restore", "t", "500", payload, "replace"}, kOk},
               {{"pttl", "t"}, ":500\r\n"},
           }),
      "");
  for (std::size_t i = 0; i < payload.size(); ++i) {
    std::string broken = payload;
    broken[i] = static_cast<char>(broken[i] ^ 1);
    EXPECT_EQ(runner.Run({"restore", "u", "0", broken}),
              "-ERR DUMP payload version or checksum are wrong\r\n");
    EXPECT_EQ(runner.Run({"restore", "u", "0", payload.substr(0, i)}),
              "-ERR DUMP payload version or checksum are wrong\r\n");
  }
}

}  // namespace
}  // namespace slotway::storage
