// SPDX-License-Identifier: Apache-2.0
// Whatever happens: one serving owner per slot, one vote per epoch and node; and when nothing
// happens any more, the cluster is whole again within a bound.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <gtest/gtest.h>
#include <string>

#include "tests/simulation/simulated_cluster.h"

namespace slotway::simulation {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

constexpr int kNodesOfLargest = 200;

// As many as there are: the cost grows with the square, so that large ones are rare.
int NodesMax(std::uint64_t seed, runtime::Random& random) {
  constexpr std::uint64_t kSeedsPerLargest = 250;
  if (seed % kSeedsPerLargest == kSeedsPerLargest / 2) return kNodesOfLargest;
  if (random.Below(40) == 0) return 60;
  return random.Below(6) == 0 ? 24 : 12;
}

// Mostly small clusters, now and then one of up to 200 nodes.
WorldOptions WorldOf(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.replicas_of_each = static_cast<int>(random.Below(3));
  const int nodes_max = NodesMax(seed, random);
  const int masters_max = std::max(3, nodes_max / (1 + options.replicas_of_each));
  const int masters_min = nodes_max == kNodesOfLargest ? masters_max / 2 : 3;
  options.masters =
      masters_min +
      static_cast<int>(random.Below(static_cast<std::uint64_t>(masters_max - masters_min) + 1));
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(1500));
  options.keeps_data = random.Below(2) == 0;
  return options;
}

std::string RunSeed(std::uint64_t seed) {
  const WorldOptions options = WorldOf(seed);
  SimulatedCluster cluster(options);
  if (!cluster.Violation().empty()) return "forming: " + cluster.Violation();
  if (std::string what = cluster.WhatIsNotConverged(); !what.empty()) return "forming: " + what;
  runtime::Random random(seed + 1);
  const int faults = 20;
  for (int i = 0; i < faults; ++i) {
    cluster.DoSomethingBad();
    cluster.Run(static_cast<std::int64_t>(
        random.Below(static_cast<std::uint64_t>(2 * options.node_timeout_ms))));
    if (!cluster.Violation().empty()) return cluster.Violation();
  }
  cluster.EndFaults();
  // Ten node timeouts and what manual failovers hold back.
  const int steps = 20;
  for (int i = 0; i < steps; ++i) {
    cluster.Run(options.node_timeout_ms / 2 + 10'000 / steps);
    if (!cluster.Violation().empty()) return cluster.Violation();
  }
  std::string what = cluster.WhatIsNotConverged();
  return what.empty() ? what : "not converged: " + what;
}

// Without anything on a disk: masters end and are back before anybody has noticed, one at a time.
std::string RestartMasters(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.masters = 1 + static_cast<int>(random.Below(5));
  options.replicas_of_each = 1 + static_cast<int>(random.Below(2));
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(1500));
  options.keeps_data = false;
  options.must_keep_data = true;
  SimulatedCluster cluster(options);
  const int restarts = 10;
  for (int i = 0; i < restarts && cluster.Violation().empty(); ++i) {
    cluster.MakeLinksBad();
    cluster.RestartAMaster();
    cluster.Run(4 * options.node_timeout_ms);
    cluster.EndFaults();
    std::string what = "not run";
    for (int step = 0; step < 20 && !what.empty(); ++step) {
      cluster.Run(options.node_timeout_ms);
      what = cluster.WhatIsNotConverged();
    }
    if (!cluster.Violation().empty()) return cluster.Violation();
    if (!what.empty()) return "not converged: " + what;
    cluster.Run(options.node_timeout_ms);
  }
  return cluster.Violation();
}

// Lets time pass until all is well, for so long at most.
std::string Converge(SimulatedCluster& cluster, std::int64_t timeout_ms) {
  constexpr int kSteps = 60;
  std::string what = "not run";
  for (int i = 0; i < kSteps && !what.empty(); ++i) {
    cluster.Run(timeout_ms / 2 + 500);
    if (!cluster.Violation().empty()) return cluster.Violation();
    what = cluster.WhatIsNotConverged();
  }
  return what;
}

// Nodes that know nobody become a cluster, whatever happens meanwhile; later all of them are gone
// at once, and come back elsewhere.
std::string FormAndMove(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.forms_itself = true;
  options.masters = 1 + static_cast<int>(random.Below(5));
  options.replicas_of_each = static_cast<int>(random.Below(3));
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(1500));
  SimulatedCluster cluster(options);
  for (std::uint64_t i = 0, faults = random.Below(12); i < faults; ++i) {
    cluster.DoSomethingBad();
    cluster.Run(static_cast<std::int64_t>(random.Below(1000)));
    if (!cluster.Violation().empty()) return cluster.Violation();
  }
  cluster.EndFaults();
  if (std::string what = Converge(cluster, options.node_timeout_ms); !what.empty()) {
    return "not formed: " + what;
  }
  cluster.MakeLinksBad();
  cluster.MoveAll();
  cluster.Run(5000);
  cluster.EndFaults();
  std::string what = Converge(cluster, options.node_timeout_ms);
  return what.empty() ? what : "not whole again elsewhere: " + what;
}

// A shard is struck again and again, at moments when it may be electing already.
std::string StrikeShards(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.masters = 3 + static_cast<int>(random.Below(4));
  options.replicas_of_each = 1 + static_cast<int>(random.Below(2));
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(1500));
  options.keeps_data = random.Below(2) == 0;
  SimulatedCluster cluster(options);
  for (int strikes = 0; strikes < 20; ++strikes) {
    cluster.StrikeShard();
    cluster.Run(static_cast<std::int64_t>(
        random.Below(static_cast<std::uint64_t>(4 * options.node_timeout_ms))));
    if (!cluster.Violation().empty()) return cluster.Violation();
  }
  cluster.EndFaults();
  return Converge(cluster, options.node_timeout_ms);
}

std::string FollowEachOther(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.masters = 3;
  options.spare_nodes = 2;
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(1500));
  SimulatedCluster cluster(options);
  cluster.MakeLinksBad();
  cluster.MakeCycle();
  cluster.Run(2 * options.node_timeout_ms);
  cluster.EndFaults();
  return Converge(cluster, options.node_timeout_ms);
}

// A spare node follows a master, which is to go as soon as replication knows that it is ready: the
// bus need not have heard of that.
std::string HandOverAtOnce(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.masters = 1 + static_cast<int>(random.Below(5));
  options.replicas_of_each = 0;
  options.spare_nodes = 1;
  options.node_timeout_ms = 500 + static_cast<std::int64_t>(random.Below(15'000));
  SimulatedCluster cluster(options);
  SimulatedNode& heir = cluster.Node(options.masters);
  SimulatedNode& master =
      cluster.Node(static_cast<int>(random.Below(static_cast<std::uint64_t>(options.masters))));
  constexpr int kMsMax = 2000;
  heir.Bus().Replicate(master.State().Myself().id.Text());
  heir.Bus().EndOfTurn();
  cluster.Run(5);  // a sync takes several round trips, and the bus hears of the role after one
  for (int i = 0; i < kMsMax && !master.AcknowledgedFrom(heir.Ip(), 6379); ++i) cluster.Run(1);
  if (!master.Bus().HandOver(5000)) return "does not hand over";
  master.Bus().EndOfTurn();
  for (int i = 0; i < kMsMax && !heir.IsMaster(); ++i) cluster.Run(1);
  if (!heir.IsMaster()) return "its replica does not take over";
  return Converge(cluster, options.node_timeout_ms);
}

void ForEachSeed(const std::function<void(std::uint64_t)>& run) {
  std::uint64_t first = FromEnvironment("SLOTWAY_SIMULATION_FIRST", 1);
  std::uint64_t count = FromEnvironment("SLOTWAY_SIMULATION_SEEDS", 12);
  if (const std::uint64_t one = FromEnvironment("SLOTWAY_SIMULATION_SEED", 0); one != 0) {
    first = one;
    count = 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    if (seed % 100 == 0) std::printf("seed %d\n", static_cast<int>(seed)), std::fflush(stdout);
    run(seed);
  }
}

TEST(ClusterSimulation, NodesFormAClusterAndFindEachOtherAgain) {
  ForEachSeed([](std::uint64_t seed) {
    EXPECT_EQ(FormAndMove(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  });
}

TEST(ClusterSimulation, AMasterWithoutItsDataEmptiesNobody) {
  ForEachSeed([](std::uint64_t seed) {
    EXPECT_EQ(RestartMasters(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  });
}

TEST(ClusterSimulation, TwoThatFollowEachOtherAgreeOnAMaster) {
  ForEachSeed([](std::uint64_t seed) {
    EXPECT_EQ(FollowEachOther(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  });
}

TEST(ClusterSimulation, AReplicaThatIsReadySinceAMomentAgoTakesOver) {
  ForEachSeed([](std::uint64_t seed) {
    EXPECT_EQ(HandOverAtOnce(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  });
}

TEST(ClusterSimulation, ElectionsThatRaceHaveOneWinner) {
  ForEachSeed([](std::uint64_t seed) {
    EXPECT_EQ(StrikeShards(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  });
}

TEST(ClusterSimulation, OneOwnerServesWhateverHappens) {
  ForEachSeed([](std::uint64_t seed) {
    const WorldOptions options = WorldOf(seed);
    EXPECT_EQ(RunSeed(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed << " ("
                                 << options.masters * (1 + options.replicas_of_each)
                                 << " nodes, node timeout " << options.node_timeout_ms << " ms)";
  });
}

}  // namespace
}  // namespace slotway::simulation
