// SPDX-License-Identifier: Apache-2.0
// All nodes of a cluster, as a tool sees them: who answers, what each says, and whether they agree.
//
// Blocks; one thread. What it says of the cluster is as old as the last Discover().
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/cluster_tool/node_client.h"
#include "proxy/cluster_tool/node_view.h"

namespace slotway::proxy {

class ClusterSession {
 public:
  ClusterSession(ToolLogin login, std::uint64_t wait_ms)
      : login_(std::move(login)), wait_ms_(wait_ms) {}

  // A node that has to answer; the result is its id.
  runtime::Result<std::string> Open(const protocol::Endpoint& endpoint);
  // Asks all nodes anew, and those that they name. Who does not answer is not Reached().
  void Discover();
  // Not a member from here on, whatever others say.
  void Exclude(const std::string& id);

  std::vector<std::string> Reached() const;    // ids, in the order in which they were opened
  std::vector<std::string> Unreached() const;  // likewise; why: ProblemOf()
  std::vector<std::string> Masters() const;    // of those reached
  const std::string& ProblemOf(const std::string& id) const { return peers_.at(id).problem; }
  bool IsReached(const std::string& id) const;
  // REQUIRES: IsReached(id).
  NodeClient& Client(const std::string& id) { return peers_.at(id).client; }
  const NodeView& View(const std::string& id) const { return *peers_.at(id).view; }
  // "host:port", or the id of who is unknown.
  std::string NameOf(const std::string& id) const;
  // By id or "host:port"; empty if nobody is called so.
  std::string Named(std::string_view text) const;

  // The views of all, joined.
  const protocol::Topology& Merged() const { return merged_; }
  std::string OwnerOf(int slot) const;  // empty: nobody
  std::vector<int> SlotsOf(const std::string& id) const;
  // Who of those reached copies this one.
  std::vector<std::string> ReplicasOf(const std::string& id) const;
  // All that were reached see the same members, roles and owners, and nobody shakes hands.
  bool Agrees() const;

  // Asks again and again until it holds; an error when the time is up.
  runtime::Result<void> WaitUntil(std::string_view what, const std::function<bool()>& holds);
  runtime::Result<void> WaitUntilAgreed();

 private:
  struct Peer {
    NodeClient client;
    std::optional<NodeView> view = std::nullopt;
    std::string problem = {};
    int order = 0;
  };
  void Look(const std::string& id, Peer& peer);
  void Add(const std::string& id, const protocol::Endpoint& endpoint);

  ToolLogin login_;
  std::uint64_t wait_ms_;
  std::map<std::string, Peer> peers_;
  std::set<std::string> excluded_;
  protocol::Topology merged_;
};

// A line for people, at once.
void Say(std::string_view line);

}  // namespace slotway::proxy
