// SPDX-License-Identifier: Apache-2.0
// The files in tests/data/cluster were written by redis-server 7.0.15 in those situations.
#include "storage/cluster/nodes_conf.h"

#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <random>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/cluster/cluster_fixture.h"

namespace slotway::storage::cluster {
namespace {

using protocol::Slot;

const char* const kRealFiles[] = {"redis-7.0-hostname.conf", "redis-7.0-open-slots.conf",
                                  "redis-7.0-replica.conf", "redis-7.0-failover.conf"};

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string RealFile(std::string_view name) {
  return ReadFile(std::filesystem::path(SLOTWAY_TEST_DATA) / "cluster" / name);
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "nodes_conf_XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& Path() const { return path_; }

 private:
  std::filesystem::path path_;
};

TEST(NodesConfTest, RealFilesComeBackByteForByte) {
  for (const char* name : kRealFiles) {
    std::string text = RealFile(name);
    auto state = ParseNodesConf(text);
    ASSERT_TRUE(state) << name << ": " << state.error().text;
    EXPECT_EQ(FormatNodesConf(*state), text) << name;
  }
}

TEST(NodesConfTest, ReadsWhatTheFileSays) {
  auto state = ParseNodesConf(RealFile("redis-7.0-failover.conf"));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->Nodes().size(), 6u);
  EXPECT_EQ(state->Myself().hostname, "host-1.example");
  EXPECT_EQ(state->Myself().port, 27101);
  EXPECT_EQ(state->Myself().bus_port, 37101);
  EXPECT_EQ(state->CurrentEpoch(), Epoch(9));
  EXPECT_EQ(state->LastVoteEpoch(), Epoch(9));
  EXPECT_EQ(state->MigratingTo(Slot(3)), state->OwnerOf(Slot(6000)));
  EXPECT_EQ(state->ImportingFrom(Slot(6000)), state->OwnerOf(Slot(6000)));
  EXPECT_EQ(state->Size(), 3);
  EXPECT_TRUE(state->IsUp());
  NodeIndex failed = state->Find("d3f344b4ab9f337cb3e8c417b4ee2768b2eea22b");
  ASSERT_NE(failed, kNoNode);
  EXPECT_TRUE(state->Node(failed).IsFailed());
}

TEST(NodesConfTest, KeepsTheFieldsOfNewerVersions) {
  std::string text = TestId(0) + " ::1:7001@17001,,tls-port=0,shard-id=" + TestId(5) +
                     " myself,master - 0 0 1 connected 0-5 7 9-10\n" + TestId(1) +
                     " 10.0.0.1:7002@17002,b.example,shard-id=" + TestId(5) + " slave " +
                     TestId(0) + " 0 5 1 connected\nvars currentEpoch 2 lastVoteEpoch 1\n";
  auto state = ParseNodesConf(text);
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(state->Myself().ip, "::1");
  EXPECT_EQ(state->ShardIdOf(NodeIndex{1}).Text(), TestId(5));
  EXPECT_EQ(FormatNodesConf(*state), text);
  EXPECT_EQ(FormatNodeLine(*state, NodeIndex{0}, false),
            TestId(0) + " ::1:7001@17001 myself,master - 0 0 1 connected 0-5 7 9-10");
}

TEST(NodesConfTest, ANodeMayHaveTwoPorts) {
  std::string text = TestId(0) + " 10.0.0.1:7001@17001,,tls-port=7443,shard-id=" + TestId(5) +
                     " myself,master - 0 0 1 connected\n" +
                     "vars currentEpoch 2 lastVoteEpoch 1\n";
  auto state = ParseNodesConf(text);
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(state->Myself().port, 7001);
  EXPECT_EQ(state->Myself().other_port, 7443);
  EXPECT_EQ(FormatNodesConf(*state), text);
  EXPECT_THAT(FormatNodeLine(*state, NodeIndex{0}, false, {EndpointKind::kIp, true}),
              testing::HasSubstr(" 10.0.0.1:7443@17001 "));
  // The other way round: TLS is what the bus speaks.
  ClusterPolicy policy;
  policy.is_port_tls = true;
  state->SetPolicy(policy);
  EXPECT_THAT(FormatNodesConf(*state), testing::HasSubstr(",tcp-port=7443,"));
  // One that says that it has none gets one.
  auto none = ParseNodesConf(TestId(0) + " ::1:7001@17001,,tls-port=0 myself,master - 0 0 1 connected\n");
  ASSERT_TRUE(none) << none.error().text;
  none->SetOtherPort(NodeIndex{0}, 7443);
  EXPECT_THAT(FormatNodesConf(*none), testing::HasSubstr("@17001,,tls-port=7443 myself"));
}

TEST(NodesConfTest, KeepsThatATakeoverIsNotOver) {
  ClusterState state = ThreeShards(0);
  const std::string before = FormatNodesConf(state);
  EXPECT_FALSE(ParseNodesConf(before)->IsTakingOver());
  state.SetTakingOver(true);
  const std::string during = FormatNodesConf(state);
  EXPECT_NE(during, before);
  EXPECT_TRUE(ParseNodesConf(during)->IsTakingOver());
}

TEST(NodesConfTest, AnEmptyTextIsANewNode) {
  auto state = ParseNodesConf("");
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->HasMyself());
}

TEST(NodesConfTest, TheCurrentEpochIsAtLeastEveryConfigEpoch) {
  auto state = ParseNodesConf(TestId(0) +
                              " :7001@17001 myself,master - 0 0 12 connected\n"
                              "vars currentEpoch 3 lastVoteEpoch 0\n");
  ASSERT_TRUE(state);
  EXPECT_EQ(state->CurrentEpoch(), Epoch(12));
}

TEST(NodesConfTest, RefusesWhatIsOutOfForm) {
  const std::string a = TestId(0), b = TestId(1);
  const std::string me = a + " h:1@2 myself,master - 0 0 1 connected";
  const std::string other = b + " h:3@4 master - 0 0 1 connected";
  const std::string wrong[] = {
      "x",
      a,
      other,  // no myself
      me + " 16384",
      me + " -1",
      me + " 5-4",
      me + " 1-2-3",
      me + " 1 1",
      me + " 0-3\n" + other + " 3",
      me + "\n" + me,
      me + "\n" + b + " h:3@4 myself,master - 0 0 1 connected",
      me + "\n" + b + " h:3@4 slave " + TestId(2) + " 0 0 1 connected",
      me + "\n" + b + " h:3@4 slave " + b + " 0 0 1 connected",
      me + "\n" + b + " h:3@4 slave " + a + " 0 0 1 connected 7",
      me + " [",
      me + " []",
      me + " [1]",
      me + " [1-",
      me + " [1->-]",
      me + " [1->-" + b + "]",
      me + " [1-x-" + a + "]",
      me + " [x->-" + a + "]",
      a + " h myself,master - 0 0 1 connected",
      a + " h:x@2 myself,master - 0 0 1 connected",
      a + " h:1@65536 myself,master - 0 0 1 connected",
      a + " h:1@2,,shard-id=1 myself,master - 0 0 1 connected",
      a + " h:1@2,,junk myself,master - 0 0 1 connected",
      me + "\n" + b + " h:3@4 handshake - 0 0 1 connected",
      a + " h:1@2 myself,king - 0 0 1 connected",
      a + " h:1@2 myself,master - x 0 1 connected",
      a + " h:1@2 myself,master - 0 0 -1 connected",
      a + " h:1@2 myself,master - 0 0 1 maybe",
      me + "\nvars currentEpoch",
      me + "\nvars currentEpoch x",
  };
  for (const std::string& text : wrong) {
    EXPECT_FALSE(ParseNodesConf(text)) << text;
  }
  EXPECT_EQ(ParseNodesConf("\n" + me + " 99999").error().text,
            "line 2: a slot range out of 0-16383");
}

TEST(NodesConfTest, CutOrDamagedFilesNeverCrashIt) {
  unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (const char* name : kRealFiles) {
    std::string text = RealFile(name);
    for (std::size_t length = 0; length < text.size(); ++length) {
      (void)ParseNodesConf(text.substr(0, length));
    }
    for (int round = 0; round < 300; ++round) {
      std::string damaged = text;
      for (int i = 0; i < 3; ++i) {
        damaged[random() % damaged.size()] = static_cast<char>(random());
      }
      auto state = ParseNodesConf(damaged);
      if (!state) continue;
      EXPECT_TRUE(ParseNodesConf(FormatNodesConf(*state)));
    }
  }
}

TEST(NodesConfFileTest, WritesWholeFilesAndKeepsItsLock) {
  TemporaryFolder folder;
  std::filesystem::path path = folder.Path() / "nodes.conf";
  auto file = NodesConfFile::Open(path);
  ASSERT_TRUE(file) << file.error().text;
  EXPECT_EQ((*file)->Read().value(), "");
  ASSERT_TRUE((*file)->Write("one\n"));
  ASSERT_TRUE((*file)->Write("second\n"));
  EXPECT_EQ((*file)->Read().value(), "second\n");
  EXPECT_EQ(ReadFile(path), "second\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.Path()), {}), 1);

  // flock belongs to the open file, so a second Open in this process meets it like a stranger's.
  auto second = NodesConfFile::Open(path);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().text.find("in use by another server"), std::string::npos);
  file->reset();
  EXPECT_TRUE(NodesConfFile::Open(path));
}

TEST(NodesConfFileTest, SaysWhatIsWrongWithThePath) {
  auto file = NodesConfFile::Open("/no/such/folder/nodes.conf");
  ASSERT_FALSE(file);
  EXPECT_NE(file.error().text.find("/no/such/folder/nodes.conf"), std::string::npos);
}

TEST(LoadOrCreateTest, ANewNodeIsALoneMaster) {
  TemporaryFolder folder;
  auto file = NodesConfFile::Open(folder.Path() / "nodes.conf");
  ASSERT_TRUE(file);
  MyAddress address{.ip = "", .port = 7001, .bus_port = 17001, .hostname = ""};
  auto state = LoadOrCreate(**file, address, {0x12});
  ASSERT_TRUE(state) << state.error().text;
  EXPECT_EQ(state->Myself().id.Text(), "12" + std::string(38, '0'));
  EXPECT_TRUE(state->Myself().IsMaster());
  EXPECT_FALSE(state->IsUp());
  ASSERT_TRUE((*file)->Write(FormatNodesConf(*state)));

  address.port = 7002;
  auto again = LoadOrCreate(**file, address, {0x34});
  ASSERT_TRUE(again);
  EXPECT_EQ(again->Myself().id, state->Myself().id);
  EXPECT_EQ(again->Myself().port, 7002);
}

TEST(LoadOrCreateTest, SuspectsNobodyAtStart) {
  TemporaryFolder folder;
  auto file = NodesConfFile::Open(folder.Path() / "nodes.conf");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Write(RealFile("redis-7.0-failover.conf")));
  auto state = LoadOrCreate(**file, {.ip = "10.1.1.1", .port = 27101, .bus_port = 37101}, {});
  ASSERT_TRUE(state);
  EXPECT_EQ(state->Myself().ip, "10.1.1.1");
  EXPECT_EQ(state->Myself().hostname, "host-1.example");
  for (const ClusterNode& node : state->Nodes()) {
    EXPECT_FALSE(node.IsSuspected());
    EXPECT_EQ(node.is_link_up, false);
  }
}

TEST(LoadOrCreateTest, ADamagedFileIsAnErrorThatNamesIt) {
  TemporaryFolder folder;
  auto file = NodesConfFile::Open(folder.Path() / "nodes.conf");
  ASSERT_TRUE(file);
  ASSERT_TRUE((*file)->Write("garbage\n"));
  auto state = LoadOrCreate(**file, {}, {});
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().text, "cluster-config-file: line 1: a node with fewer than 8 fields");
}

}  // namespace
}  // namespace slotway::storage::cluster
