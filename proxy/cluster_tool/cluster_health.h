// SPDX-License-Identifier: Apache-2.0
// What is wrong with a cluster, in words, and what it looks like.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proxy/cluster_tool/cluster_session.h"

namespace slotway::proxy {

// Prints a line per node, and one for those that were not reached.
void ShowNodes(const ClusterSession& session);
// Empty: all is well. `replicas` is how many each master is to have, if it matters. Asks the nodes
// whether they serve and whether replicas follow.
std::vector<std::string> FindProblems(ClusterSession& session, std::optional<int> replicas);
// Of a replica: whether it says that it gets its master's changes.
bool FollowsMaster(ClusterSession& session, const std::string& replica);
// "0-5460 7000", as short as can be.
std::string RangesText(const std::vector<int>& slots);

}  // namespace slotway::proxy
