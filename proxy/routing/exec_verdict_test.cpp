// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/exec_verdict.h"

#include <gtest/gtest.h>

namespace slotway::proxy {
namespace {

constexpr const char* kAborted =
    "-EXECABORT Transaction discarded because of previous errors.\r\n";

struct Case {
  std::vector<std::string> queued;
  std::string exec;
  ReplyVerdict verdict;
  std::string reason;
  std::string refusal = "";
};

TEST(ExecVerdict, TellsWhetherAnotherTryIsWorthIt) {
  const Case cases[] = {
      {{"+OK\r\n", "+QUEUED\r\n"}, "*1\r\n+OK\r\n", ReplyVerdict::kForClient, ""},
      {{"+OK\r\n", "+QUEUED\r\n"}, "*-1\r\n", ReplyVerdict::kForClient, ""},
      {{"+OK\r\n", "-MOVED 1 h:1\r\n"}, kAborted, ReplyVerdict::kMoved, "-MOVED 1 h:1\r\n"},
      {{"+OK\r\n", "-ASK 1 h:1\r\n"}, kAborted, ReplyVerdict::kAsk, "-ASK 1 h:1\r\n"},
      {{"+OK\r\n", "+QUEUED\r\n"}, "-MOVED 1 h:1\r\n", ReplyVerdict::kMoved, "-MOVED 1 h:1\r\n"},
      {{"+OK\r\n", "-TRYAGAIN x\r\n", "-MOVED 1 h:1\r\n"},
       kAborted,
       ReplyVerdict::kTryAgain,
       "-TRYAGAIN x\r\n"},
      {{"+OK\r\n", "+QUEUED\r\n"},
       "-EXECABORT Transaction discarded because of: LOADING Redis is loading\r\n",
       ReplyVerdict::kRetry,
       "-LOADING Redis is loading\r\n"},
      {{"+OK\r\n", "-OOM no\r\n"}, kAborted, ReplyVerdict::kForClient, "", "OOM no"},
      {{"+OK\r\n", "-MOVED 1 h:1\r\n", "-OOM no\r\n", "-ERR x\r\n"},
       kAborted,
       ReplyVerdict::kForClient,
       "",
       "OOM no"},
      {{"-MASTERDOWN no\r\n", "-MOVED 1 h:1\r\n"},
       "-ERR EXEC without MULTI\r\n",
       ReplyVerdict::kForClient,
       ""},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.exec + (c.queued.size() > 1 ? c.queued[1] : ""));
    ExecVerdict verdict;
    verdict.NoteMulti(c.queued[0]);
    for (std::size_t i = 1; i < c.queued.size(); ++i) verdict.NoteQueued(c.queued[i]);
    EXPECT_EQ(verdict.Judge(c.exec), c.verdict);
    EXPECT_EQ(verdict.Refusal(), c.refusal);
    if (c.verdict == ReplyVerdict::kForClient) continue;
    EXPECT_EQ(verdict.Reason(), c.reason);
  }
}

}  // namespace
}  // namespace slotway::proxy
