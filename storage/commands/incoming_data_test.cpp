// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/incoming_data.h"

#include <gtest/gtest.h>
#include <set>
#include <string>

#include "protocol/slot.h"
#include "storage/commands/command_runner.h"

namespace slotway::storage {
namespace {

void SetBeside(ServerState& server, int index, const std::string& name) {
  server.incoming.Database(index).SetString(protocol::SlotOfKey(name), name, "new",
                                            TtlChange::Clear(), server.now_ms);
}

TEST(IncomingDataTest, TakesThePlaceOfAllDatabases) {
  CommandRunner runner;
  ServerState& server = runner.State();
  runner.Run({"set", "both", "old"});
  runner.Run({"set", "gone", "old", "px", "50"});
  runner.Run({"select", "1"});
  runner.Run({"set", "k", "old"});
  SetBeside(server, 0, "both");
  SetBeside(server, 2, "came");
  EXPECT_EQ(runner.Run({"dbsize"}), ":1\r\n");
  server.incoming.TakePlace();
  EXPECT_EQ(runner.Run({"dbsize"}), ":0\r\n");
  runner.Run({"select", "2"});
  EXPECT_EQ(runner.Run({"get", "came"}), "$3\r\nnew\r\n");
  runner.Run({"select", "0"});
  EXPECT_EQ(runner.Run({"get", "both"}), "$3\r\nnew\r\n");
  EXPECT_EQ(runner.Run({"get", "gone"}), "$-1\r\n");
  EXPECT_EQ(server.Database(0).SizeOfSlot(protocol::SlotOfKey("both")), 1u);
  EXPECT_EQ(server.Database(0).SizeOfSlot(protocol::SlotOfKey("gone")), 0u);
  // It is a database as any other: keys in it come to their time.
  runner.Run({"set", "due", "v", "px", "20"});
  runner.Advance(21);
  server.Database(0).ExpireDue(server.now_ms, 100);
  EXPECT_EQ(server.stats.expired_keys, 1u);
}

TEST(IncomingDataTest, IsFreedPieceByPiece) {
  CommandRunner runner;
  ServerState& server = runner.State();
  server.incoming.Database(0);
  const std::size_t arena_before = server.arena.allocated_bytes();
  for (int i = 0; i < 1000; ++i) SetBeside(server, 0, "key" + std::to_string(i));
  const std::size_t bytes = server.incoming.Bytes();
  EXPECT_EQ(server.DataBytes(), bytes + server.Database(0).Memory().Total());
  server.incoming.Drop();
  EXPECT_EQ(server.incoming.PendingFrees(), 1000u);
  EXPECT_TRUE(server.incoming.FreeSome(100));
  EXPECT_LE(server.incoming.PendingFrees(), 900u);
  while (server.incoming.FreeSome(100)) {
  }
  EXPECT_EQ(server.incoming.PendingFrees(), 0u);
  EXPECT_EQ(server.incoming.Bytes(), 0u);
  EXPECT_EQ(server.arena.allocated_bytes(), arena_before);
  EXPECT_EQ(server.stats.lazyfreed_objects, 1000u);
}

TEST(IncomingDataTest, ScanGoesOnInWhatTookThePlace) {
  CommandRunner runner;
  ServerState& server = runner.State();
  constexpr int kKeys = 2000;
  for (int i = 0; i < kKeys; ++i) {
    const std::string name = "key" + std::to_string(i);
    runner.Run({"set", name, "old"});
    SetBeside(server, 0, name);
  }
  std::set<std::string> seen;
  const auto see = [&](const Entry& entry) { seen.insert(std::string(entry.key())); };
  std::uint64_t cursor = 0;
  for (int i = 0; i < 50; ++i) cursor = server.Database(0).Scan(cursor, 10, server.now_ms, see);
  ASSERT_NE(cursor, 0u);
  server.incoming.TakePlace();
  while (cursor != 0) cursor = server.Database(0).Scan(cursor, 10, server.now_ms, see);
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kKeys));
}

}  // namespace
}  // namespace slotway::storage
