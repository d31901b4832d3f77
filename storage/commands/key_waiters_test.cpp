// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/key_waiters.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/commands/client_state.h"

namespace slotway::storage {
namespace {

class KeyWaitersTest : public ::testing::Test {
 protected:
  void Wait(ClientState& client, std::vector<std::string> keys, std::int64_t deadline_ms = 0,
            bool minds_absence = false) {
    WaitingRequest request;
    request.keys = std::move(keys);
    request.deadline_ms = deadline_ms;
    request.minds_absence = minds_absence;
    waiters_.Add(client, std::move(request));
  }
  std::vector<const ClientState*> WaitingFor(const std::string& key) {
    std::vector<const ClientState*> clients;
    std::uint64_t ticket = 0;
    while (auto place = waiters_.NextWaiting({0, key}, ticket)) {
      clients.push_back(place->client);
      ticket = place->ticket;
    }
    return clients;
  }

  KeyWaiters waiters_;
  ClientState a_, b_, c_;
};

TEST_F(KeyWaitersTest, ClientsStandInTheOrderInWhichTheyCame) {
  Wait(b_, {"k", "other"});
  Wait(a_, {"k"});
  Wait(c_, {"other", "k", "k"});
  EXPECT_EQ(WaitingFor("k"), (std::vector<const ClientState*>{&b_, &a_, &c_}));
  waiters_.Remove(a_);
  waiters_.Remove(a_);
  EXPECT_FALSE(a_.is_waiting);
  EXPECT_EQ(WaitingFor("k"), (std::vector<const ClientState*>{&b_, &c_}));
  waiters_.Remove(b_);
  waiters_.Remove(c_);
  EXPECT_FALSE(waiters_.IsAnyoneWaiting());
  EXPECT_TRUE(WaitingFor("other").empty());
}

TEST_F(KeyWaitersTest, ChangedKeysAreReadyOnceInTheOrderOfTheChanges) {
  Wait(a_, {"x", "y"});
  waiters_.NoteChange(0, "y");
  waiters_.NoteChange(0, "nobody");
  waiters_.NoteChange(1, "x");  // another database
  waiters_.NoteChange(0, "x");
  waiters_.NoteChange(0, "y");
  std::vector<std::string> ready;
  while (waiters_.HasReady()) ready.push_back(waiters_.TakeReady().name);
  EXPECT_EQ(ready, (std::vector<std::string>{"y", "x"}));
  waiters_.NoteChange(0, "y");  // again: it was taken
  EXPECT_TRUE(waiters_.HasReady());
}

TEST_F(KeyWaitersTest, AReadyKeyOutlivesItsWaiters) {
  Wait(a_, {"x"});
  waiters_.NoteDatabase(0);
  waiters_.Remove(a_);
  ASSERT_TRUE(waiters_.HasReady());
  EXPECT_EQ(waiters_.TakeReady().name, "x");
  EXPECT_FALSE(waiters_.NextWaiting({0, "x"}, 0).has_value());
}

TEST_F(KeyWaitersTest, SomeMindThatAKeyIsGone) {
  Wait(a_, {"x"}, 0, true);
  Wait(b_, {"y"});
  EXPECT_TRUE(waiters_.DoesAnyoneMindAbsence({0, "x"}));
  EXPECT_FALSE(waiters_.DoesAnyoneMindAbsence({0, "y"}));
  EXPECT_EQ(waiters_.KeyCount(), 2u);
  EXPECT_EQ(waiters_.KeysMissedCount(), 1u);
  waiters_.Remove(a_);
  EXPECT_FALSE(waiters_.DoesAnyoneMindAbsence({0, "x"}));
}

TEST_F(KeyWaitersTest, DeadlinesComeInTheirOrder) {
  Wait(a_, {"x"}, 300);
  Wait(b_, {"x"}, 100);
  Wait(c_, {"x"});
  EXPECT_EQ(waiters_.NextDeadline(), 100);
  EXPECT_EQ(waiters_.FindDue(99), nullptr);
  EXPECT_EQ(waiters_.FindDue(100), &b_);
  waiters_.Remove(b_);
  EXPECT_EQ(waiters_.FindDue(299), nullptr);
  EXPECT_EQ(waiters_.FindDue(1000), &a_);
  waiters_.Remove(a_);
  EXPECT_FALSE(waiters_.NextDeadline().has_value());
}

}  // namespace
}  // namespace slotway::storage
