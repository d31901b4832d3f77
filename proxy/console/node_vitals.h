// SPDX-License-Identifier: Apache-2.0
// Asks one node how it is: memory, keys, load, persistence, and slots on the move. Belongs to its
// loop's thread.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/backend/node_link.h"

namespace slotway::proxy {

// Slots that go from one node to another.
struct SlotMove {
  std::string slots;  // "100-199 205"
  std::string to;     // the id of the node that gets them
  std::size_t count = 0;
};

// What of a node's INFO is shown, by the names there.
using InfoFields = std::map<std::string, std::string, std::less<>>;

// The shown fields of a whole INFO; "keys" is the sum over its databases.
InfoFields ReadInfo(std::string_view text);
// The moves that the node itself says it gives slots to: "[93-<-...]" and "[77->-...]" of the line
// "myself" of CLUSTER NODES.
std::vector<SlotMove> ReadMoves(std::string_view cluster_nodes);

class NodeVitals final : public NodeLink {
 public:
  static constexpr std::size_t kReplyBytesMax = 4u << 20;

  NodeVitals(runtime::EventLoop& loop, const runtime::SocketAddress& node, Login login)
      : NodeLink(loop, node, std::move(login), kReplyBytesMax) {}

  // Sends the questions, unless some are on their way. `asks_moves`: those about slots, too.
  void Ask(bool asks_moves);
  // What it said last; empty before, and when the connection has ended since.
  const InfoFields& Info() const { return info_; }
  // The moves that it gives slots to, key by key or as one.
  std::vector<SlotMove> Moves() const;

 private:
  enum class Question : std::uint8_t { kInfo, kNodes, kMigrations };

  void OnReply(const protocol::RespValue& reply) override;
  void OnDropped() override;
  void Put(Question question);

  std::vector<Question> asked_;  // in order, the answered ones taken off
  std::uint64_t asked_at_ms_ = 0;
  bool knows_migrations_ = true;  // the command: until it says that it does not
  InfoFields info_;
  std::vector<SlotMove> by_key_;
  std::vector<SlotMove> as_one_;
};

}  // namespace slotway::proxy
