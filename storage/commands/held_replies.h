// SPDX-License-Identifier: Apache-2.0
// Replies that are held until enough replicas have what they tell of: min-replicas-to-ack, and
// CLIENT ACK-REPLICAS.
//
// A reply to a request on data stands in its client's output, but leaves only when replicas have
// acknowledged the stream of changes up to the moment when it was made. That covers what the
// request wrote, and what it read of others. What comes behind it waits with it, so that the order
// stays. Replies that are not acknowledged in time, or when this server ceases to be a master,
// become errors: nobody knows what will be left of what they told. The engine goes on meanwhile.
// Engine thread only.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string_view>

#include "runtime/byte_queue.h"

namespace slotway::storage {

class ServerState;
struct ClientState;

inline constexpr std::string_view kNotAcknowledged =
    "NOREPLICAS Not acknowledged by enough replicas in time. What was written or read may be lost.";
inline constexpr std::string_view kNoMasterAnyMore =
    "NOREPLICAS Not acknowledged by enough replicas before this server ceased to be a master. What "
    "was written or read may be lost.";

// Asks for the majority of a shard, its master included.
inline constexpr std::int64_t kMajorityOfShard = -1;

// Of one client.
struct HeldOutput {
  struct Reply {
    runtime::ByteQueue::Position begin;
    runtime::ByteQueue::Position end;
    std::int64_t offset;       // of the stream, to be acknowledged
    std::int64_t deadline_ms;  // then it becomes an error
    std::size_t replicas;      // that have to acknowledge
  };
  std::deque<Reply> replies;  // in the order of the output; never empty
};

class HeldReplies {
 public:
  explicit HeldReplies(ServerState& server) : server_(server) {}

  // How many replicas must have what this client is told; 0: it does not mind.
  std::size_t ReplicasWanted(const ClientState& client) const;
  // Whether fewer replicas than that are there at all: what writes is better refused.
  bool LacksReplicas(const ClientState& client) const;
  // To be called when the output of this client ends with a reply that tells of data and begins
  // there: holds it if it must be. Whatever is pushed to the client comes later.
  void Note(ClientState& client, runtime::ByteQueue::Position begin);
  // Whether the client has so much held that it is not to be read further.
  static bool IsFull(const ClientState& client);

  // To be called when replicas have acknowledged more, or are gone.
  void Release();
  // To be called ten times a second.
  void EndDue();
  // This server is no master any more.
  void FailAll();
  void Forget(ClientState& client);
  std::size_t ClientCount() const { return clients_.size(); }

  // Set by the server: the client may be read again, if it was not for its held replies.
  std::function<void(ClientState&)> on_room;
  // Set by the server when cluster-enabled is on: the nodes of this shard, this one included.
  std::function<std::size_t()> shard_size;

 private:
  bool IsAcknowledged(const HeldOutput::Reply& reply) const;
  // The first replies whose deadlines are up become `error`; all of them if `is_all`.
  void Fail(ClientState& client, bool is_all, std::string_view error);
  // The replies at the front are gone: the output may leave up to the next one.
  void Unhold(ClientState& client);

  ServerState& server_;
  std::set<ClientState*> clients_;
  std::int64_t asked_offset_ = 0;  // replicas were asked for this one
};

}  // namespace slotway::storage
