// SPDX-License-Identifier: Apache-2.0
// What commands ask of replication, which the rooms above them do. Engine thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotway::storage {

class CommandContext;
struct ClientState;

struct FailoverRequest {
  std::string host;  // empty: whoever has everything first
  int port = 0;
  std::int64_t timeout_ms = 0;  // 0: none
  bool is_forced = false;
};

class ReplicationHost {
 public:
  virtual ~ReplicationHost() = default;

  // PSYNC and SYNC (`id` empty): answers by itself, and the client is a replica from then on.
  virtual void Attach(CommandContext& ctx, std::string_view id, std::int64_t offset) = 0;
  // PSYNC with FAILOVER: this replica takes over from its master. The error if it cannot.
  virtual std::optional<std::string> TakeOver(std::string_view id) = 0;
  // FAILOVER.
  virtual std::optional<std::string> BeginFailover(const FailoverRequest& request) = 0;
  virtual std::optional<std::string> AbortFailover() = 0;
  // One option of REPLCONF; the error if there is one. `is_silent`: it is not to be answered.
  virtual std::optional<std::string> Configure(ClientState& client, std::string_view option,
                                               std::string_view value, bool& is_silent) = 0;
  // REPLICAOF: of this master from now on.
  virtual void Follow(std::string host, int port) = 0;
  // REPLICAOF NO ONE.
  virtual void BecomeMaster() = 0;
  // REPLCONF ACK: what a replica has of the stream, and what of that is on its disk, if it says so.
  virtual void NoteAcknowledged(ClientState& client, std::int64_t offset,
                                std::optional<std::int64_t> on_disk) = 0;
  // How many replicas have acknowledged the stream up to `offset`, or have that on their disks.
  virtual std::int64_t CountAcknowledged(std::int64_t offset) const = 0;
  virtual std::int64_t CountOnDisk(std::int64_t offset) const = 0;
  // Asks replicas how far they are, at the end of this iteration of the loop.
  virtual void AskReplicas() = 0;
  // Of a replica: the masters hold its own for failed, and it is acknowledged no more to that one.
  virtual void SetMasterFailed(bool has_failed) = 0;
  // Of the stream, or of snapshots, what stands in the output of replicas.
  virtual std::size_t UnsentBytes() const = 0;
  // Whether the client is a replica of this server.
  virtual bool IsReplica(const ClientState& client) const = 0;
  // To be called when a client ends.
  virtual void Detach(const ClientState& client) = 0;
};

}  // namespace slotway::storage
