// SPDX-License-Identifier: Apache-2.0
// Watches masters and their replicas: which replicas are fit to answer reads, and who is near.
//
// Asks each of them INFO replication at an interval. A replica is fit if it answers, follows its
// master's history, and its data cannot get older than backend.replicas.staleness_max_ms before it
// is looked at again: its age is bounded by OffsetHistory. Near are the nodes of the proxy's zone,
// if any of them is usable, else those that answer about as fast as the fastest. Publishes only
// what changed. Belongs to its loop's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/proxy_config.h"
#include "proxy/backend/node_probe.h"
#include "proxy/backend/offset_history.h"
#include "proxy/backend/replica_facts.h"
#include "runtime/event_loop.h"

namespace slotway::proxy {

class ReplicaMonitor {
 public:
  using OnFacts = std::function<void(ReplicaFactsSnapshot)>;

  ReplicaMonitor(runtime::EventLoop& loop, const config::BackendConfig& settings,
                 OnFacts on_facts);

  // Watches the nodes of this topology from now on. Cheap if they are the same.
  void UpdateTopology(const protocol::Topology& topology);
  // The settings were replaced: begins anew with them. Follow with UpdateTopology().
  void ApplySettings();
  // How a watched node stands: masters that have replicas, and these.
  struct Standing {
    std::string node;    // "host:port"
    std::string master;  // of a replica
    bool answers = false;
    bool is_link_up = false;                 // of a replica: to its master
    std::optional<std::uint64_t> lag_bytes;  // of a replica, if it follows its master's history
    std::uint64_t latency_us = 0;            // 0: not known yet
  };
  std::vector<Standing> Standings() const;
  // The interval between two questions: as set, or less if the bound of staleness is short.
  std::uint64_t IntervalMs() const { return interval_ms_; }

 private:
  struct Node {
    std::string name;  // announced, or empty
    std::unique_ptr<NodeProbe> probe;
    bool is_suspected = false;
    bool was_near = false;
  };
  // A master with its replicas, by their addresses.
  struct Shard {
    std::string master;
    std::vector<std::string> replicas;
  };

  void Look();
  void Judge();
  void JudgeShard(const Shard& shard, ReplicaFacts& facts);
  bool IsFit(const Node& replica, const OffsetHistory& history) const;
  bool IsSilent(const Node& node) const;
  bool IsInZone(const Node& node) const;
  Node& Watch(const protocol::ClusterNode& node);
  Standing StandingOf(const std::string& address) const;

  runtime::EventLoop& loop_;
  const config::BackendConfig& settings_;
  OnFacts on_facts_;
  std::uint64_t interval_ms_;
  std::map<std::string, Node> nodes_;  // by address
  std::map<std::string, OffsetHistory> histories_;  // of masters
  std::vector<Shard> shards_;
  runtime::Timer look_timer_;
  runtime::Timer judge_timer_;
  ReplicaFactsSnapshot published_;
};

}  // namespace slotway::proxy
