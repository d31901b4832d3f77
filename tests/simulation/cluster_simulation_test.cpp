// SPDX-License-Identifier: Apache-2.0
// Whatever happens: one serving owner per slot, one vote per epoch and node; and when nothing
// happens any more, the cluster is whole again within a bound.
#include <cstdio>
#include <cstdlib>
#include <gtest/gtest.h>
#include <string>

#include "tests/simulation/simulated_cluster.h"

namespace slotway::simulation {
namespace {

std::uint64_t FromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Mostly small clusters, now and then one of up to 200 nodes.
WorldOptions WorldOf(std::uint64_t seed) {
  runtime::Random random(seed);
  WorldOptions options;
  options.seed = seed;
  options.replicas_of_each = static_cast<int>(random.Below(3));
  const int nodes_max = random.Below(50) == 0 ? 200 : random.Below(8) == 0 ? 40 : 12;
  const int masters_max = std::max(3, nodes_max / (1 + options.replicas_of_each));
  options.masters =
      3 + static_cast<int>(random.Below(static_cast<std::uint64_t>(masters_max - 3) + 1));
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

TEST(ClusterSimulation, AMasterWithoutItsDataEmptiesNobody) {
  std::uint64_t first = 1;
  std::uint64_t count = FromEnvironment("SLOTWAY_SIMULATION_SEEDS", 12);
  if (const std::uint64_t one = FromEnvironment("SLOTWAY_SIMULATION_SEED", 0); one != 0) {
    first = one;
    count = 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    EXPECT_EQ(RestartMasters(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed;
  }
}

TEST(ClusterSimulation, OneOwnerServesWhateverHappens) {
  std::uint64_t first = 1;
  std::uint64_t count = FromEnvironment("SLOTWAY_SIMULATION_SEEDS", 12);
  if (const std::uint64_t one = FromEnvironment("SLOTWAY_SIMULATION_SEED", 0); one != 0) {
    first = one;
    count = 1;
  }
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const WorldOptions options = WorldOf(seed);
    if (seed % 100 == 0) std::printf("seed %d\n", static_cast<int>(seed)), std::fflush(stdout);
    EXPECT_EQ(RunSeed(seed), "") << "SLOTWAY_SIMULATION_SEED=" << seed << " ("
                                 << options.masters * (1 + options.replicas_of_each)
                                 << " nodes, node timeout " << options.node_timeout_ms << " ms)";
  }
}

}  // namespace
}  // namespace slotway::simulation
