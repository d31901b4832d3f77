// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/redirect.h"

#include <gtest/gtest.h>

#include "protocol/error_reply.h"

namespace slotway::proxy {
namespace {

TEST(Redirect, WhatAnErrorMeans) {
  struct Case {
    std::string_view reply;
    ReplyVerdict verdict;
  } cases[] = {
      {"-MOVED 3999 127.0.0.1:6381\r\n", ReplyVerdict::kMoved},
      {"-ASK 3999 127.0.0.1:6381\r\n", ReplyVerdict::kAsk},
      {"-TRYAGAIN Multiple keys request during rehashing of slot\r\n", ReplyVerdict::kTryAgain},
      {"-LOADING Redis is loading the dataset in memory\r\n", ReplyVerdict::kRetry},
      {"-CLUSTERDOWN The cluster is down\r\n", ReplyVerdict::kRetryRefresh},
      {"-MASTERDOWN Link with MASTER is down\r\n", ReplyVerdict::kRetryRefresh},
      {"-READONLY You can't write against a read only replica.\r\n", ReplyVerdict::kRetryRefresh},
      {"-ERR unknown command\r\n", ReplyVerdict::kForClient},
      {"-MOVEDX 1\r\n", ReplyVerdict::kForClient},
      {"-MOVED\r\n", ReplyVerdict::kForClient},
      {"-BUSY Redis is busy running a script.\r\n", ReplyVerdict::kForClient},
      {"-\r\n", ReplyVerdict::kForClient},
  };
  for (const Case& c : cases) EXPECT_EQ(JudgeErrorReply(c.reply), c.verdict) << c.reply;
}

TEST(Redirect, TheTextOfAnError) {
  EXPECT_EQ(protocol::ErrorTextOf("-ERR x\r\n"), "ERR x");
  EXPECT_EQ(protocol::ErrorTextOf("ERR x"), "ERR x");
  EXPECT_EQ(protocol::ErrorTextOf("-\r\n"), "");
}

}  // namespace
}  // namespace slotway::proxy
