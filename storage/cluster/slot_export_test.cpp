// SPDX-License-Identifier: Apache-2.0
#include "storage/cluster/slot_export.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "storage/cluster/slot_import.h"

namespace slotway::storage::cluster {
namespace {

class ScriptedPort final : public ExportPort {
 public:
  void Connect() override { Note("connect"); }
  bool HasLogin() const override { return has_login; }
  void SendLogin() override { Note("login"); }
  void SendEstablish() override { Note("establish"); }
  void SendMark() override { Note("mark"); }
  void AskToPause(std::int64_t pause_ms) override { Note("pause " + std::to_string(pause_ms)); }
  void SendFinish() override { Note("finish"); }
  void Disconnect() override { Note("disconnect"); }
  bool BeginSnapshot() override {
    if (is_busy) return false;
    Note("snapshot");
    return true;
  }
  void HoldClients(bool are_held) override { Note(are_held ? "hold" : "let go"); }
  void GiveSlots(Epoch epoch) override { Note("give " + std::to_string(ToInt(epoch))); }
  void RaiseEpoch() override { Note("raise"); }
  TargetNews NewsOfTarget(std::int64_t) const override { return news; }
  std::size_t PendingBytes() const override { return pending; }

  std::string TakeNotes() { return std::exchange(notes, {}); }

  bool has_login = false;
  bool is_busy = false;
  TargetNews news = TargetNews::kNone;
  std::size_t pending = 0;

 private:
  void Note(const std::string& text) { notes += notes.empty() ? text : ", " + text; }
  std::string notes;
};

class SlotExportTest : public testing::Test {
 protected:
  static constexpr std::int64_t kPauseMs = 5000;
  static constexpr std::int64_t kNodeTimeoutMs = 2000;

  SlotExportTest()
      : job(port, record,
            {.timeout_ms = 60'000,
             .pause_ms = kPauseMs,
             .node_timeout_ms = kNodeTimeoutMs,
             .handover_bytes = 100,
             .pending_bytes_max = 1000}) {}

  // Up to the moment in which the target may take over.
  void HandOver() {
    job.Start(now_ms);
    job.OnConnected(now_ms);
    job.OnAnswer("+OK", now_ms);
    job.OnSnapshotEnded(true, now_ms);
    job.OnAnswer("+ACK", now_ms);
    job.OnAnswer("+PAUSE", now_ms);
    ASSERT_EQ(record.state, MigrationState::kHandover);
    port.TakeNotes();
  }

  std::int64_t now_ms = 1'000'000;
  ScriptedPort port;
  MigrationRecord record;
  SlotExport job;
};

TEST_F(SlotExportTest, GoesStepByStepAndEndsWithTheTargetsEpoch) {
  port.has_login = true;
  job.Start(now_ms);
  job.OnConnected(now_ms);
  EXPECT_EQ(port.TakeNotes(), "connect, login");
  job.OnAnswer("+OK", now_ms);
  EXPECT_EQ(port.TakeNotes(), "establish");
  job.OnAnswer("+OK", now_ms);
  EXPECT_EQ(port.TakeNotes(), "snapshot");
  EXPECT_TRUE(job.FollowsChanges());
  job.OnSnapshotEnded(true, now_ms);
  EXPECT_EQ(port.TakeNotes(), "mark");
  port.pending = 101;
  job.OnAnswer("+ACK", now_ms);
  EXPECT_EQ(port.TakeNotes(), "") << "too much is missing there";
  job.Tick(now_ms += 100);
  EXPECT_EQ(port.TakeNotes(), "mark");
  port.pending = 100;
  job.OnAnswer("+ACK", now_ms);
  EXPECT_EQ(port.TakeNotes(), "pause 5000");
  job.OnAnswer("+PAUSE", now_ms);
  EXPECT_EQ(port.TakeNotes(), "hold, finish");
  job.OnAnswer("+DONE 17", now_ms);
  EXPECT_EQ(port.TakeNotes(), "give 17, disconnect, let go");
  EXPECT_EQ(record.state, MigrationState::kSuccess);
}

TEST_F(SlotExportTest, WaitsForASnapshotThatIsAtWork) {
  port.is_busy = true;
  job.Start(now_ms);
  job.OnConnected(now_ms);
  job.OnAnswer("+OK", now_ms);
  EXPECT_EQ(record.state, MigrationState::kWaitingForSnapshot);
  job.Tick(now_ms += 100'000);
  EXPECT_EQ(record.state, MigrationState::kWaitingForSnapshot) << "however long that takes";
  port.is_busy = false;
  job.Tick(now_ms += 100);
  EXPECT_EQ(record.state, MigrationState::kSnapshotting);
}

TEST_F(SlotExportTest, AsksAgainWhileTheTargetIsBusyWithWhatWasThere) {
  job.Start(now_ms);
  job.OnConnected(now_ms);
  job.OnAnswer("-TRYAGAIN still deletes", now_ms);
  port.TakeNotes();
  job.Tick(now_ms += 50);
  EXPECT_EQ(port.TakeNotes(), "");
  job.Tick(now_ms += 50);
  EXPECT_EQ(port.TakeNotes(), "establish");
  job.OnAnswer("-ERR has keys", now_ms);
  EXPECT_EQ(record.state, MigrationState::kFailed);
  EXPECT_EQ(record.message, "the target says: ERR has keys");
}

TEST_F(SlotExportTest, ALostConnectionEndsItBeforeTheHandover) {
  job.Start(now_ms);
  job.OnConnected(now_ms);
  job.OnAnswer("+OK", now_ms);
  port.TakeNotes();
  job.OnClosed("reset", now_ms);
  EXPECT_EQ(record.state, MigrationState::kFailed);
  EXPECT_EQ(port.TakeNotes(), "disconnect") << "nobody was held";
}

TEST_F(SlotExportTest, ARefusalWithinTheHandoverLetsClientsGoOnAtOnce) {
  HandOver();
  job.OnAnswer("-ERR replicas were too slow", now_ms);
  EXPECT_EQ(record.state, MigrationState::kFailed);
  EXPECT_EQ(port.TakeNotes(), "disconnect, let go");
}

TEST_F(SlotExportTest, AnUnknownOutcomeIsWaitedForUntilTheTargetsTimeIsUp) {
  HandOver();
  job.OnClosed("reset", now_ms);
  port.news = TargetNews::kHasNotTaken;  // yet
  job.Tick(now_ms + kPauseMs + kNodeTimeoutMs - 1);
  EXPECT_EQ(record.state, MigrationState::kHandover);
  port.news = TargetNews::kNone;
  job.Tick(now_ms + kPauseMs + kNodeTimeoutMs);
  EXPECT_EQ(record.state, MigrationState::kHandover) << "it may have taken over";
  port.news = TargetNews::kHasNotTaken;
  job.Tick(now_ms + kPauseMs + kNodeTimeoutMs);
  EXPECT_EQ(record.state, MigrationState::kFailed);
  EXPECT_EQ(port.TakeNotes(), "disconnect, let go");
}

TEST_F(SlotExportTest, WhatAFailedTargetMayHaveTakenIsClaimedAnew) {
  HandOver();
  port.news = TargetNews::kHasFailed;
  job.Tick(now_ms + kPauseMs + kNodeTimeoutMs);
  EXPECT_EQ(port.TakeNotes(), "raise, disconnect, let go");
  EXPECT_EQ(record.state, MigrationState::kFailed);
}

TEST_F(SlotExportTest, OthersTellThatTheTargetHasTakenOver) {
  HandOver();
  job.OnClosed("reset", now_ms);
  job.OnOwners(false, true, now_ms);
  EXPECT_EQ(record.state, MigrationState::kSuccess);
}

TEST_F(SlotExportTest, SlotsThatChangeHandsOtherwiseEndIt) {
  job.Start(now_ms);
  job.OnConnected(now_ms);
  job.OnAnswer("+OK", now_ms);
  job.OnOwners(true, false, now_ms);
  EXPECT_FALSE(job.IsOver());
  job.OnOwners(false, true, now_ms);
  EXPECT_EQ(record.state, MigrationState::kFailed) << "it was not asked to take over";
}

TEST_F(SlotExportTest, CanBeCancelledUntilTheHandover) {
  job.Start(now_ms);
  EXPECT_TRUE(job.Cancel());
  EXPECT_EQ(record.state, MigrationState::kCancelled);
}

TEST_F(SlotExportTest, CannotBeCancelledWithinTheHandover) {
  HandOver();
  EXPECT_FALSE(job.Cancel());
  job.Fail("all keys are flushed");
  EXPECT_EQ(record.state, MigrationState::kHandover);
}

TEST_F(SlotExportTest, ChangesBeyondTheLimitEndIt) {
  job.Start(now_ms);
  job.OnConnected(now_ms);
  job.OnAnswer("+OK", now_ms);
  port.pending = 1001;
  job.Tick(now_ms += 100);
  EXPECT_EQ(record.state, MigrationState::kFailed);
}

TEST_F(SlotExportTest, ASilentTargetEndsIt) {
  job.Start(now_ms);
  job.Tick(now_ms += 60'001);
  EXPECT_EQ(record.state, MigrationState::kFailed);
}

TEST(SlotImport, TakesOverInItsTimeOnly) {
  using Step = SlotImport::Step;
  SlotImport import;
  EXPECT_FALSE(import.Finish()) << "it was never told that it may";
  import.AskToPause(1000);
  EXPECT_EQ(import.Look(0, false), Step::kWait);
  EXPECT_EQ(import.Look(50, true), Step::kAnswerPause);
  EXPECT_EQ(import.Look(60, true), Step::kWait);
  EXPECT_TRUE(import.Finish());
  EXPECT_EQ(import.Look(100, false), Step::kWait);
  EXPECT_EQ(import.Look(949, true), Step::kTakeOver);
  EXPECT_EQ(import.Look(950, true), Step::kTooLate) << "nine tenths of it, from its own answer on";
}

}  // namespace
}  // namespace slotway::storage::cluster
