// SPDX-License-Identifier: Apache-2.0
#include "protocol/replication_info.h"

#include <gtest/gtest.h>

namespace slotway::protocol {
namespace {

const std::string kIdA(40, 'a');
const std::string kIdB(40, 'b');
const std::string kNone(40, '0');

// As Redis 7.0.15 says it.
std::string MasterText() {
  return "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
         "slave0:ip=127.0.0.1,port=7001,state=online,offset=154,lag=0\r\n"
         "master_failover_state:no-failover\r\nmaster_replid:" +
         kIdA + "\r\nmaster_replid2:" + kNone +
         "\r\nmaster_repl_offset:154\r\nsecond_repl_offset:-1\r\nrepl_backlog_active:1\r\n";
}

std::string ReplicaText(const std::string& link = "up", const std::string& offset = "140") {
  return "# Replication\r\nrole:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:7000\r\n"
         "master_link_status:" +
         link +
         "\r\nmaster_last_io_seconds_ago:1\r\nmaster_sync_in_progress:0\r\n"
         "slave_read_repl_offset:154\r\nslave_repl_offset:" +
         offset +
         "\r\nslave_priority:100\r\nslave_read_only:1\r\nreplica_announced:1\r\n"
         "connected_slaves:0\r\nmaster_replid:" +
         kIdA + "\r\nmaster_replid2:" + kIdB + "\r\nmaster_repl_offset:154\r\n";
}

std::string Replaced(std::string text, const std::string& from, const std::string& to) {
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(ReplicationInfo, ReadsAMaster) {
  const auto info = ParseReplicationInfo(MasterText());
  ASSERT_TRUE(info) << info.error();
  EXPECT_TRUE(info->is_master);
  EXPECT_EQ(info->history_id, kIdA);
  EXPECT_EQ(info->offset, 154u);
  EXPECT_EQ(info->connected_replicas, 1u);
}

TEST(ReplicationInfo, ReadsAReplica) {
  const auto info = ParseReplicationInfo(ReplicaText());
  ASSERT_TRUE(info) << info.error();
  EXPECT_FALSE(info->is_master);
  EXPECT_EQ(info->master, (Endpoint{"127.0.0.1", 7000}));
  EXPECT_TRUE(info->is_link_up && !info->is_syncing);
  EXPECT_EQ(info->offset, 140u);
  EXPECT_EQ(info->former_history_id, kIdB);
}

TEST(ReplicationInfo, ReadsAReplicaThatIsCutOffOrHasNotGotItsData) {
  EXPECT_FALSE(ParseReplicationInfo(ReplicaText("down"))->is_link_up);
  const auto syncing = ParseReplicationInfo(
      Replaced(ReplicaText(), "master_sync_in_progress:0", "master_sync_in_progress:1"));
  EXPECT_TRUE(syncing->is_syncing);
  EXPECT_EQ(ParseReplicationInfo(ReplicaText("down", "-1"))->offset, 0u);
}

TEST(ReplicationInfo, KnowsWhoWasPromoted) {
  ReplicationInfo old_master, promoted;
  old_master.history_id = kIdA;
  old_master.former_history_id = kNone;
  promoted.history_id = kIdB;
  promoted.former_history_id = kIdA;
  EXPECT_TRUE(promoted.DescendsFrom(old_master));
  EXPECT_FALSE(old_master.DescendsFrom(promoted));
  EXPECT_FALSE(old_master.DescendsFrom(old_master));
}

TEST(ReplicationInfo, RefusesWhatIsNoInfo) {
  const std::string texts[] = {
      "",
      "role",
      "role:master",
      "ERR unknown command",
      Replaced(MasterText(), "role:master", "role:king"),
      Replaced(MasterText(), "master_replid:" + kIdA, "master_replid:abc"),
      Replaced(MasterText(), "master_replid2", "other"),
      Replaced(MasterText(), "master_repl_offset:154", "master_repl_offset:1x"),
      Replaced(MasterText(), "master_repl_offset:154", "master_repl_offset:99999999999999999999"),
      Replaced(MasterText(), "connected_slaves:1", "connected_slaves:-1"),
      Replaced(ReplicaText(), "master_port:7000", "master_port:70000"),
      Replaced(ReplicaText(), "master_host:127.0.0.1", "master_host:a b"),
      Replaced(ReplicaText(), "master_link_status:up", "master_link_status:maybe"),
  };
  for (const std::string& text : texts) {
    EXPECT_FALSE(ParseReplicationInfo(text).has_value()) << text;
  }
}

// A text that ends anywhere is read or refused, and is never read past its end.
TEST(ReplicationInfo, SurvivesBeingCutAnywhere) {
  const std::string whole = ReplicaText();
  std::size_t refused = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::string exact(whole, 0, size);
    if (!ParseReplicationInfo(exact)) ++refused;
  }
  EXPECT_GT(refused, whole.size() / 2);
}

}  // namespace
}  // namespace slotway::protocol
