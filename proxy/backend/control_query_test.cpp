// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/control_query.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <optional>

#include "proxy/backend/fake_shard.h"

namespace slotway::proxy {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

class ControlQueryTest : public testing::Test {
 protected:
  // The answer's text, or "error: ...".
  std::string Ask(std::uint64_t timeout_ms = 5000) {
    std::optional<std::string> outcome;
    std::unique_ptr<ControlQuery> query;
    query = std::make_unique<ControlQuery>(
        loop_, *runtime::SocketAddress::FromNumeric("127.0.0.1", shard_.Port()), login_,
        questions_, timeout_ms, [&](runtime::Result<ControlQuery::Answers> answers) {
          EXPECT_FALSE(outcome) << "answered twice";
          outcome = answers ? "" : "error: " + answers.error().text;
          if (answers) {
            for (const auto& answer : *answers) *outcome += answer.text;
          }
          query.reset();  // which a caller may
        });
    EXPECT_FALSE(outcome) << "answered within the constructor";
    EXPECT_TRUE(RunUntil(loop_, [&] { return outcome.has_value(); }));
    return outcome.value_or("nothing");
  }

  runtime::EventLoop loop_;
  FakeShard shard_{loop_};
  BackendLogin login_;
  Questions questions_ = {{"ASK", "it"}};
};

TEST_F(ControlQueryTest, Answers) {
  shard_.Answer([](const Words&) { return "$4\r\nfine\r\n"; });
  EXPECT_EQ(Ask(), "fine");
  EXPECT_THAT(shard_.Seen(), testing::ElementsAre("ASK it"));
  shard_.Answer([](const Words&) { return "=8\r\ntxt:fine\r\n"; });
  EXPECT_EQ(Ask(), "fine");
}

TEST_F(ControlQueryTest, AnswersSeveralQuestionsAtOnce) {
  questions_ = {{"ONE"}, {"TWO", "2"}, {"THREE"}};
  shard_.Answer([](const Words& words) { return "+" + words[0] + "\r\n"; });
  EXPECT_EQ(Ask(), "ONETWOTHREE");
  EXPECT_THAT(shard_.Seen(), testing::ElementsAre("ONE", "TWO 2", "THREE"));
  shard_.Answer(
      [](const Words& words) { return words[0] == "TWO" ? "-ERR no\r\n" : "+fine\r\n"; });
  EXPECT_EQ(Ask(), "error: ERR no");
  shard_.Answer([](const Words& words) {
    return std::string(words[0] == "THREE" ? FakeShard::kSilence : FakeShard::kOk);
  });
  EXPECT_EQ(Ask(20), "error: no answer in time");
}

TEST_F(ControlQueryTest, LogsInFirst) {
  Words greeting;
  shard_.AnswerGreetings([&](const Words& words) {
    greeting = words;
    return "+OK\r\n";
  });
  login_.password = "secret";
  EXPECT_EQ(Ask(), "OK");
  EXPECT_EQ(greeting, (Words{"AUTH", "secret"}));
  login_.username = "me";
  EXPECT_EQ(Ask(), "OK");
  EXPECT_EQ(greeting, (Words{"AUTH", "me", "secret"}));
  shard_.AnswerGreetings([&](const Words&) { return "-WRONGPASS no\r\n"; });
  EXPECT_EQ(Ask(), "error: login refused: WRONGPASS no");
  login_.previous_password = "before";
  EXPECT_EQ(Ask(), "error: login refused: WRONGPASS no");
  for (const std::string right : {"before", "secret"}) {
    shard_.AnswerGreetings([&](const Words& words) {
      return words.back() == right ? "+OK\r\n" : "-WRONGPASS no\r\n";
    });
    EXPECT_EQ(Ask(), "OK");
  }
}

TEST_F(ControlQueryTest, Failures) {
  shard_.Answer([](const Words&) { return "-ERR no\r\n"; });
  EXPECT_EQ(Ask(), "error: ERR no");
  shard_.Answer([](const Words&) { return "nonsense\r\n"; });
  EXPECT_EQ(Ask(), "error: the node's answer is no reply");
  shard_.Answer([](const Words&) { return std::string(FakeShard::kHangUp); });
  EXPECT_THAT(Ask(), HasSubstr("error: "));
  shard_.Answer([](const Words&) { return "$100\r\nhalf"; });
  EXPECT_EQ(Ask(20), "error: no answer in time");
  shard_.HangUp(true);
  EXPECT_THAT(Ask(), HasSubstr("error: connection refused"));
}

TEST_F(ControlQueryTest, MayBeGivenUp) {
  shard_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  auto query = std::make_unique<ControlQuery>(
      loop_, *runtime::SocketAddress::FromNumeric("127.0.0.1", shard_.Port()), login_, questions_,
      5000, [](auto) { FAIL() << "nobody asks any more"; });
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 1; }));
  query.reset();
  shard_.HangUp();
  EXPECT_TRUE(RunUntil(loop_, [] { return true; }));
}

}  // namespace
}  // namespace slotway::proxy
