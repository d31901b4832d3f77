// SPDX-License-Identifier: Apache-2.0
// Requests through all checks, of several clients, without a network.
#include "storage/server/executor.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/server/executor_fixture.h"

namespace slotway::storage {
namespace {

using ExecutorTest = ExecutorFixture;

TEST_F(ExecutorTest, QueuesAndRunsATransaction) {
  EXPECT_EQ(Send({"multi"}), "+OK\r\n");
  EXPECT_EQ(Send({"set", "k", "v"}), "+QUEUED\r\n");
  EXPECT_EQ(Send(other_, {"get", "k"}), "$-1\r\n");
  EXPECT_EQ(Send({"blpop", "l", "0"}), "+QUEUED\r\n");
  EXPECT_EQ(Send({"incr", "k"}), "+QUEUED\r\n");
  EXPECT_EQ(Send({"exec"}), "*3\r\n+OK\r\n*-1\r\n-ERR value is not an integer or out of range\r\n");
  EXPECT_EQ(Send({"exec"}), "-ERR EXEC without MULTI\r\n");
  EXPECT_EQ(Send({"discard"}), "-ERR DISCARD without MULTI\r\n");
}

TEST_F(ExecutorTest, ARefusedPartEndsTheTransaction) {
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"nosuch"}, {"get"}, {"config", "nosuch"}, {"save"}}) {
    Send({"multi"});
    EXPECT_TRUE(Send(wrong).starts_with("-ERR")) << wrong[0];
    EXPECT_EQ(Send({"set", "k", "v"}), "+QUEUED\r\n");
    EXPECT_EQ(Send({"exec"}), "-EXECABORT Transaction discarded because of previous errors.\r\n");
  }
  EXPECT_EQ(Send({"get", "k"}), "$-1\r\n");
}

TEST_F(ExecutorTest, WhatDoesNotBelongInATransactionDoesNotEndIt) {
  Send({"multi"});
  EXPECT_EQ(Send({"multi"}), "-ERR MULTI calls can not be nested\r\n");
  EXPECT_EQ(Send({"watch", "k"}), "-ERR WATCH inside MULTI is not allowed\r\n");
  EXPECT_EQ(Send({"exec"}), "*0\r\n");
  Send({"multi"});
  EXPECT_EQ(Send({"exec", "x"}),
            "-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
            "command\r\n");
  EXPECT_EQ(Send({"exec"}), "-ERR EXEC without MULTI\r\n");
}

TEST_F(ExecutorTest, AWatchedChangeEndsTheTransaction) {
  const std::vector<std::vector<std::string>> changes = {
      {"set", "k", "x"}, {"del", "k"},         {"expire", "k", "100"},   {"flushall"},
      {"flushdb"},       {"swapdb", "0", "1"}, {"rename", "k", "other"}, {"append", "k", "x"},
  };
  for (const auto& change : changes) {
    Send({"set", "k", "v"});
    Send({"watch", "k", "elsewhere"});
    Send(other_, change);
    Send({"multi"});
    Send({"ping"});
    EXPECT_EQ(Send({"exec"}), "*-1\r\n") << change[0];
    Send({"multi"});
    EXPECT_EQ(Send({"exec"}), "*0\r\n") << change[0];
    Send({"flushall"});
  }
}

TEST_F(ExecutorTest, WhatIsNoChangeLeavesTheTransactionAlone) {
  Send({"set", "k", "v"});
  for (const std::vector<std::string>& harmless : {std::vector<std::string>{"get", "k"},
                                                   {"set", "other", "x"},
                                                   {"swapdb", "1", "2"},
                                                   {"del", "absent"},
                                                   {"touch", "k"}}) {
    Send({"watch", "absent", "k"});
    Send(other_, harmless);
    Send({"multi"});
    EXPECT_EQ(Send({"exec"}), "*0\r\n") << harmless[0];
  }
  Send({"watch", "k"});
  Send({"set", "k", "x"});
  EXPECT_EQ(Send({"unwatch"}), "+OK\r\n");
  Send({"multi"});
  EXPECT_EQ(Send({"exec"}), "*0\r\n");
}

TEST_F(ExecutorTest, AWatchedKeyMayRunOutOfTime) {
  Send({"set", "k", "v"});
  Send({"pexpire", "k", "1000"});
  Send({"watch", "k"});
  Send({"multi"});
  runner_.Advance(2000);
  EXPECT_EQ(Send({"exec"}), "*-1\r\n");
  // It was gone already when it began to be watched.
  Send({"set", "k", "v"});
  Send({"pexpire", "k", "1000"});
  runner_.Advance(2000);
  Send({"watch", "k"});
  Send({"multi"});
  EXPECT_EQ(Send({"exec"}), "*0\r\n");
}

TEST_F(ExecutorTest, MemoryThatIsFullRefusesWhatWouldBeQueued) {
  Send({"set", "k", "v"});
  Send({"multi"});
  Send({"set", "k", "w"});
  runner_.State().settings.Set("maxmemory", "1");
  EXPECT_EQ(Send({"exec"}),
            "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory "
            "> 'maxmemory'.\r\n");
  EXPECT_EQ(Send({"multi"}), "+OK\r\n");
  EXPECT_EQ(Send({"get", "k"}), "-OOM command not allowed when used memory > 'maxmemory'.\r\n");
  EXPECT_EQ(Send({"discard"}), "+OK\r\n");
}

TEST_F(ExecutorTest, WaitingRequestsAreServedBehindTheWholeTransaction) {
  EXPECT_EQ(Send(other_, {"blpop", "l", "0"}), "");
  Send({"multi"});
  Send({"rpush", "l", "a"});
  Send({"lpop", "l"});
  EXPECT_EQ(Send({"exec"}), "*2\r\n:1\r\n$1\r\na\r\n");
  EXPECT_TRUE(other_.is_waiting);
  Send({"rpush", "l", "b"});
  EXPECT_FALSE(other_.is_waiting);
}

TEST_F(ExecutorTest, AListenerInResp2MaySendLittle) {
  EXPECT_EQ(Send({"subscribe", "c"}), "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
  EXPECT_TRUE(Send({"get", "k"}).starts_with("-ERR Can't execute 'get': only "));
  EXPECT_EQ(Send({"ping"}), "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
  EXPECT_EQ(Send({"unsubscribe"}), "*3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n");
  EXPECT_EQ(Send({"unsubscribe"}), "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
  EXPECT_EQ(Send({"ping"}), "+PONG\r\n");
  runner_.SpeakResp3();
  EXPECT_EQ(Send({"ssubscribe", "c"}), ">3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n");
  EXPECT_EQ(Send({"get", "k"}), "_\r\n");
  EXPECT_EQ(Send({"reset"}), "+RESET\r\n");
  EXPECT_EQ(Send({"get", "k"}), "$-1\r\n");
}

TEST_F(ExecutorTest, WithoutReplicasNothingIsWrittenIfSomeAreWanted) {
  const std::string refused = "-NOREPLICAS Not enough good replicas to write.\r\n";
  Send({"multi"});
  Send({"incr", "k"});
  Send(other_, {"config", "set", "min-replicas-to-write", "1"});
  EXPECT_EQ(Send({"exec"}),
            "-EXECABORT Transaction discarded because of: "
            "NOREPLICAS Not enough good replicas to write.\r\n");
  EXPECT_EQ(Send({"set", "k", "v"}), refused);
  EXPECT_EQ(Send({"get", "k"}), "$-1\r\n");
  Send({"config", "set", "min-replicas-max-lag", "0"});
  EXPECT_EQ(Send({"set", "k", "v"}), "+OK\r\n");
}

TEST_F(ExecutorTest, WhatWaitedIsInTheSlowLogWhenItIsAnswered) {
  Send({"config", "set", "slowlog-log-slower-than", "0"});
  runner_.State().timing.Apply(runner_.State().Config());
  Send(other_, {"blpop", "l", "0"});
  Send({"slowlog", "reset"});
  Send({"rpush", "l", "a"});
  EXPECT_TRUE(Send({"slowlog", "get", "1"})
                  .ends_with("$5\r\nblpop\r\n$1\r\nl\r\n$1\r\n0\r\n"
                             "$0\r\n\r\n$0\r\n\r\n"));
}

}  // namespace
}  // namespace slotway::storage
