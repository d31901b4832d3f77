// SPDX-License-Identifier: Apache-2.0
// The topology of a cluster: asks several of its nodes and joins what they say.
//
// Claims with the highest config epoch win, so that a minority cannot turn the map back. When
// nobody answers, the seeds are asked, their names resolved anew; only a seed may tell of a cluster
// that has no node in common with the known one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/backend/node_survey.h"
#include "proxy/backend/topology_source.h"

namespace slotway::proxy {

class ClusterSource final : public TopologySource {
 public:
  ClusterSource(runtime::EventLoop& loop, const config::BackendConfig& settings)
      : settings_(settings), survey_(loop) {}

  void Ask(const protocol::Topology* known, OnTopology on_topology) override;

 private:
  std::vector<protocol::Endpoint> ChooseKnownNodes(const protocol::Topology& known);
  std::string Take(const NodeSurvey::Answer& answer);
  void End();

  const config::BackendConfig& settings_;
  NodeSurvey survey_;
  OnTopology on_topology_;
  const protocol::Topology* known_ = nullptr;
  std::vector<protocol::Topology> views_;
  std::size_t seed_count_ = 0;  // of this round: the first of its nodes
  std::size_t rotation_ = 0;
  bool must_ask_seeds_ = true;
};

}  // namespace slotway::proxy
