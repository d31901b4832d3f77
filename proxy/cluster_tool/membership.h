// SPDX-License-Identifier: Apache-2.0
// Who belongs to the cluster and who copies whom: the steps that commands are made of.
//
// Each looks at what there is first and does what is missing, so that it may be run again.
#pragma once

#include <string>
#include <vector>

#include "proxy/cluster_tool/cluster_session.h"

namespace slotway::proxy {

// An error if a node belongs to a cluster with others than `ids`, or holds keys without slots.
runtime::Result<void> CheckOnlyThese(ClusterSession& session, const std::vector<std::string>& ids);
// An error if two of the nodes that do not know each other own the same slot.
runtime::Result<void> CheckOneCluster(const ClusterSession& session);
// Distinct config epochs for nodes that are new: there is less to agree on.
void NumberEpochs(ClusterSession& session, const std::vector<std::string>& ids);
// Makes the first know the others, and waits until all know all. How many were introduced.
runtime::Result<int> MeetAll(ClusterSession& session, const std::vector<std::string>& ids);
// How many nodes were given a master.
runtime::Result<int> AttachReplicas(ClusterSession& session, std::size_t masters,
                                    std::size_t replicas);
// Asks again for as long as the node loads its data. An error reply is a value.
runtime::Result<protocol::RespValue> AskOnceLoaded(ClusterSession& session, const std::string& node,
                                                   const NodeRequest& request);
runtime::Result<void> Replicate(ClusterSession& session, const std::string& replica,
                                const std::string& master);
// Waits until replicas follow and every node says that the cluster is well.
runtime::Result<void> WaitUntilWell(ClusterSession& session);

}  // namespace slotway::proxy
