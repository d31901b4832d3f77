// SPDX-License-Identifier: Apache-2.0
// What migrations of slots ask of the cluster around them. Engine thread.
#pragma once

#include <cstdint>
#include <functional>

#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_bitmap.h"
#include "storage/cluster/slot_export.h"
#include "storage/commands/client_state.h"

namespace slotway::storage {

class MigrationHost {
 public:
  virtual ~MigrationHost() = default;
  virtual const cluster::ClusterState& State() const = 0;
  virtual std::int64_t NowMs() const = 0;  // never goes back
  // This node owns the slots from now on, under a new epoch; the replies to the client wait until
  // its replicas know. False, and nothing has changed, if that could not be saved in time.
  virtual bool TakeSlots(const cluster::SlotBitmap& slots, ClientState& client,
                         const std::function<bool()>& is_in_time) = 0;
  // Another node owns them.
  virtual void GiveSlots(const cluster::NodeId& target, cluster::Epoch epoch,
                         const cluster::SlotBitmap& slots) = 0;
  virtual void RaiseEpoch() = 0;
  virtual cluster::TargetNews NewsOf(const cluster::NodeId& target,
                                     std::int64_t since_ms) const = 0;
  // How many replicas are not known to be gone.
  virtual std::int64_t LivingReplicas() const = 0;
};

}  // namespace slotway::storage
