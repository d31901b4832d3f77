// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/backend_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "proxy/backend/fake_shard.h"
#include "proxy/reply/reply_fixture.h"

namespace slotway::proxy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

class BackendConnectionTest : public testing::Test, public BackendConnection::Events {
 protected:
  ~BackendConnectionTest() override { backend_.reset(); }

  void Connect(protocol::RespVersion version = protocol::RespVersion::kResp2) {
    shard_.AnswerGreetings([this](const Words& words) {
      std::string joined;
      for (const auto& word : words) joined += word + " ";
      greetings_.push_back(joined);
      const bool is_wrong =
          !right_password_.empty() && words[0] == "AUTH" && words.back() != right_password_;
      return is_wrong || words[0] == greeting_error_for_ ? "-" + greeting_error_ + "\r\n" : "+OK\r\n";
    });
    backend_ = std::make_unique<BackendConnection>(
        loop_, *runtime::SocketAddress::FromNumeric("127.0.0.1", shard_.Port()), BackendGreeting{login_, false, {}},
        Lane(version), *this);
  }
  bool IsUp() {
    return RunUntil(loop_, [&] { return is_ready_ || !down_reason_.empty(); }) && is_ready_;
  }
  void Send(std::string_view word, bool is_readonly = false) {
    InFlight request;
    request.queue = &client_.queue;
    request.place = client_.queue.Open();
    request.is_readonly = is_readonly;
    backend_->Send(Wire(word), request);
  }
  void SendAtOnce(std::string_view word) {
    Send(word);
    ASSERT_TRUE(RunUntil(loop_, [&] { return backend_->UnsentBytes() == 0; }));
  }
  static std::string Wire(std::string_view word) {
    return "*1\r\n$" + std::to_string(word.size()) + "\r\n" + std::string(word) + "\r\n";
  }

  void OnReady(BackendConnection&) override { is_ready_ = true; }
  bool OnErrorReply(BackendConnection& backend, InFlight&, std::string_view reply) override {
    errors_.push_back(std::string(reply) + " to " + backend.FrontRequest());
    return false;
  }
  void OnLost(InFlight& request, std::string bytes, bool may_have_run) override {
    lost_.push_back(bytes.substr(bytes.find('\n') + 5) +
                    (may_have_run ? "may have run" : "unsent"));
    AnswerError(request, "lost");
  }
  void OnDown(BackendConnection&, std::string_view reason) override { down_reason_ = reason; }

  runtime::EventLoop loop_;
  FakeShard shard_{loop_};
  FakeClient client_{loop_};
  BackendLogin login_;
  std::string right_password_;  // empty: any is
  std::string greeting_error_for_, greeting_error_ = "WRONGPASS no";
  std::vector<std::string> greetings_, errors_, lost_;
  std::string down_reason_;
  bool is_ready_ = false;
  std::unique_ptr<BackendConnection> backend_;
};

TEST_F(BackendConnectionTest, Greetings) {
  struct Case {
    std::string username, password;
    protocol::RespVersion version;
    std::vector<std::string> expected;
  } cases[] = {
      {"", "", protocol::RespVersion::kResp2, {"CLIENT SETNAME slotway "}},
      {"", "pw", protocol::RespVersion::kResp2, {"AUTH pw ", "CLIENT SETNAME slotway "}},
      {"me", "pw", protocol::RespVersion::kResp2, {"AUTH me pw ", "CLIENT SETNAME slotway "}},
      {"", "", protocol::RespVersion::kResp3, {"HELLO 3 ", "CLIENT SETNAME slotway "}},
      {"",
       "pw",
       protocol::RespVersion::kResp3,
       {"HELLO 3 AUTH default pw ", "CLIENT SETNAME slotway "}},
  };
  for (const Case& c : cases) {
    greetings_.clear();
    is_ready_ = false;
    login_.username = c.username;
    login_.password = c.password;
    Connect(c.version);
    ASSERT_TRUE(IsUp());
    EXPECT_EQ(greetings_, c.expected);
  }
}

// While a password is rotated a shard may know the one only or the other.
TEST_F(BackendConnectionTest, OneOfTwoPasswordsIsEnough) {
  login_.password = "new";
  login_.previous_password = "old";
  for (const std::string right : {"old", "new", "neither"}) {
    SCOPED_TRACE(right);
    for (auto version : {protocol::RespVersion::kResp2, protocol::RespVersion::kResp3}) {
      is_ready_ = false;
      down_reason_.clear();
      right_password_ = right;
      greetings_.clear();
      Connect(version);
      EXPECT_EQ(IsUp(), right != "neither");
      if (right == "neither") {
        EXPECT_EQ(down_reason_, "login refused: WRONGPASS no");
        continue;
      }
      std::vector<std::string> expected = {"AUTH old ", "AUTH new "};
      if (version == protocol::RespVersion::kResp3) expected.emplace_back("HELLO 3 ");
      expected.emplace_back("CLIENT SETNAME slotway ");
      EXPECT_EQ(greetings_, expected);
    }
  }
}

TEST_F(BackendConnectionTest, RefusedGreetings) {
  struct Case {
    std::string error_for, error;
    bool is_up;
  } cases[] = {
      {"AUTH", "WRONGPASS no", false},
      {"AUTH", "NOPERM no", false},
      {"CLIENT", "NOAUTH Authentication required.", false},
      {"CLIENT", "NOPERM this user has no permissions", true},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.error_for + c.error);
    is_ready_ = false;
    down_reason_.clear();
    login_.password = "pw";
    greeting_error_for_ = c.error_for;
    greeting_error_ = c.error;
    Connect();
    EXPECT_EQ(IsUp(), c.is_up);
    if (!c.is_up) {
      EXPECT_EQ(down_reason_, "login refused: " + c.error);
    }
  }
}

TEST_F(BackendConnectionTest, RepliesGoToWhomTheyBelong) {
  Connect();
  ASSERT_TRUE(IsUp());
  shard_.Answer([](const Words& words) {
    return words[0] == "BAD" ? "-ERR bad\r\n" : "+" + words[0] + "\r\n";
  });
  Send("ONE");
  Send("BAD");
  Send("TWO");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client_.queue.Outstanding() == 0; }));
  EXPECT_EQ(client_.Output(), "+ONE\r\n-ERR bad\r\n+TWO\r\n");
  EXPECT_THAT(errors_, ElementsAre("-ERR bad\r\n to *1\r\n$3\r\nBAD\r\n"));
}

TEST_F(BackendConnectionTest, WhatWasSentAndWhatNot) {
  Connect();
  ASSERT_TRUE(IsUp());
  shard_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  Send("SENT");
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 1; }));
  // In one callback, so that nothing can have been written between the two.
  loop_.Post([&] {
    Send("UNSENT");
    backend_->Fail("enough");
  });
  ASSERT_TRUE(RunUntil(loop_, [&] { return !down_reason_.empty(); }));
  EXPECT_THAT(lost_, ElementsAre("SENT\r\nmay have run", "UNSENT\r\nunsent"));
  EXPECT_TRUE(RunUntil(loop_, [] { return true; }));
  EXPECT_THAT(shard_.Seen(), ElementsAre("SENT"));
}

TEST_F(BackendConnectionTest, PushMessagesAreNobodysReplies) {
  Connect(protocol::RespVersion::kResp3);
  ASSERT_TRUE(IsUp());
  shard_.Push(">2\r\n+invalidate\r\n*0\r\n");
  shard_.Answer([](const Words&) { return ">1\r\n+x\r\n+answer\r\n>1\r\n+y\r\n"; });
  Send("GET");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client_.queue.Outstanding() == 0; }));
  EXPECT_EQ(client_.Output(), "+answer\r\n");
  EXPECT_EQ(down_reason_, "");
}

TEST_F(BackendConnectionTest, AnIdleConnectionGivesMemoryBack) {
  Connect();
  ASSERT_TRUE(IsUp());
  for (int i = 0; i < 5000; ++i) Send("GET");
  ASSERT_TRUE(RunUntil(loop_, [&] { return client_.queue.Outstanding() == 0; }));
  EXPECT_GE(backend_->InFlightRequests().Capacity(), 5000u);
  backend_->CareIfIdle(0);
  EXPECT_EQ(backend_->InFlightRequests().Capacity(), 0u);
  EXPECT_EQ(backend_->BufferedBytes(), 0u);
  EXPECT_EQ(shard_.Pings(), 0u);
}

// A shard that is slow to answer gets two sends; what comes meanwhile leaves in one more.
TEST_F(BackendConnectionTest, WhatComesWhileTheShardHasEnoughToDoLeavesTogether) {
  Connect();
  ASSERT_TRUE(IsUp());
  shard_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  SendAtOnce("FIRST");
  SendAtOnce("SECOND");
  Send("THIRD");
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 2; }));
  Send("FOURTH");
  ASSERT_TRUE(RunUntil(loop_, [] { return true; }));
  EXPECT_EQ(backend_->UnsentBytes(), Wire("THIRD").size() + Wire("FOURTH").size());

  shard_.Push("+answer\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 4; }));
  EXPECT_EQ(backend_->UnsentBytes(), 0u);
  // Two again: the second of before, and what had gathered.
  Send("FIFTH");
  ASSERT_TRUE(RunUntil(loop_, [] { return true; }));
  EXPECT_EQ(backend_->UnsentBytes(), Wire("FIFTH").size());
  shard_.Push("+answer\r\n");
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 5; }));
  EXPECT_THAT(shard_.Seen(), ElementsAre("FIRST", "SECOND", "THIRD", "FOURTH", "FIFTH"));
}

TEST_F(BackendConnectionTest, MuchDoesNotWaitForAnAnswer) {
  Connect();
  ASSERT_TRUE(IsUp());
  shard_.Answer([](const Words&) { return std::string(FakeShard::kSilence); });
  SendAtOnce("FIRST");
  SendAtOnce("SECOND");
  Send("SMALL");
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 2; }));
  EXPECT_GT(backend_->UnsentBytes(), 0u);
  Send(std::string(16 * 1024, 'X'));
  ASSERT_TRUE(RunUntil(loop_, [&] { return shard_.Seen().size() == 4; }));
  EXPECT_EQ(backend_->UnsentBytes(), 0u);
}

TEST_F(BackendConnectionTest, NobodyListens) {
  shard_.HangUp(true);
  Connect();
  EXPECT_FALSE(IsUp());
  EXPECT_THAT(down_reason_, HasSubstr("refused"));
}

}  // namespace
}  // namespace slotway::proxy
