// SPDX-License-Identifier: Apache-2.0
#include "runtime/http_get.h"

#include <gtest/gtest.h>

namespace slotway::runtime {
namespace {

TEST(HttpGetTest, ReadsStatusAndBody) {
  auto answer = ReadHttpAnswer("HTTP/1.1 503 Service Unavailable\r\nA: b\r\n\r\nnot yet\n");
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "not yet\n");
  EXPECT_EQ(ReadHttpAnswer("HTTP/1.0 200 OK\r\n\r\n")->status, 200);
}

TEST(HttpGetTest, WhatIsNoAnswerIsAnError) {
  for (const char* text : {"", "-ERR unknown command", "HTTP/1.1 200 OK", "HTTP/1.1 x\r\n\r\n",
                           "HTTP/1.1\r\n\r\n", "\r\n\r\n"}) {
    EXPECT_FALSE(ReadHttpAnswer(text)) << text;
  }
}

}  // namespace
}  // namespace slotway::runtime
