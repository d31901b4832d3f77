// SPDX-License-Identifier: Apache-2.0
// What the cluster bus asks of replication, and tells it.
//
// Implemented by whoever replicates; engine thread. Nothing here may block or call back into the
// bus.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace slotway::storage::cluster {

class ReplicationPort {
 public:
  virtual ~ReplicationPort() = default;

  // How much of its history this node has: written as a master, applied as a replica.
  virtual std::int64_t Offset() const = 0;
  // Of a replica: it has had a whole copy of the data of the master it follows. Without one it is
  // never elected by itself and ranks as if its offset were 0.
  virtual bool HasCopy() const = 0;
  // Of a replica: for how long nothing has come from its master; 0 while their link is up.
  virtual std::int64_t SilentMs() const = 0;

  // Of a master: some replica is attached to it.
  virtual bool HasReplicas() const = 0;
  // Of a master: what the replica that listens at this address has acknowledged of its stream.
  // Nothing if none is attached from there that has a whole copy and keeps up.
  virtual std::optional<std::int64_t> AcknowledgedFrom(const std::string& ip,
                                                       std::uint16_t port) const = 0;

  // Ends replication from the master; the data stays.
  virtual void BecomeMaster() = 0;
  // From now on a replica of the server at this address, also if it is one already.
  virtual void Replicate(const std::string& ip, std::uint16_t port) = 0;
  // Of a replica: its master is held for failed. From then on it is told of nothing that came: what
  // this node has said of its offset to others stays all that the master may confirm to clients.
  virtual void SetMasterFailed(bool) {}
  // Holds back clients that write, for so long from now; 0 lets them go on.
  virtual void PauseWrites(std::int64_t for_ms) = 0;
};

}  // namespace slotway::storage::cluster
