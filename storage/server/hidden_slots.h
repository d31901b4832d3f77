// SPDX-License-Identifier: Apache-2.0
// Slots whose keys are here but not for clients: of a migration that comes here, and of slots that
// have gone elsewhere, until their keys are deleted.
//
// That a slot is hidden is part of the data: it is in the stream of changes (CLUSTER SYNCSLOTS HIDE
// and SHOW), the append-only log and RDB files. So whoever has the keys, after a restart or in the
// place of a master, knows what they are; and a master empties what is hidden, in the background,
// unless it expects the slot, or owns it and nothing else was said: then it is shown. Engine thread
// only.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "runtime/event_loop.h"
#include "storage/cluster/cluster_state.h"
#include "storage/cluster/slot_bitmap.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

class HiddenSlots {
 public:
  // `expects`: whether a slot is on its way here.
  HiddenSlots(runtime::EventLoop& loop, ServerState& server, const cluster::ClusterState& state,
              std::function<bool(protocol::Slot)> expects)
      : loop_(loop), server_(server), state_(state), expects_(std::move(expects)) {}
  ~HiddenSlots() { *is_alive_ = false; }

  void Hide(const cluster::SlotBitmap& slots) { Set(slots, true); }
  void Show(const cluster::SlotBitmap& slots) { Set(slots, false); }
  // Their keys go, whoever owns them by then. REQUIRES: they are hidden.
  void Doom(const cluster::SlotBitmap& slots);
  // To be called when slots may have become this node's: what is left of them here is of no use.
  void OnOwners();
  // As the stream of a master, or a log, says.
  void Apply(const cluster::SlotBitmap& slots, bool are_hidden);
  bool IsHidden(protocol::Slot slot) const;
  // Goes on emptying: to be called ten times a second.
  void Step();

 private:
  void Set(const cluster::SlotBitmap& slots, bool are_hidden);
  // False: there is nothing left.
  bool DeleteSome(protocol::Slot slot);

  runtime::EventLoop& loop_;
  ServerState& server_;
  const cluster::ClusterState& state_;
  std::function<bool(protocol::Slot)> expects_;
  cluster::SlotBitmap doomed_;
  bool goes_on_ = false;  // in the next turn
  // shared: with deferred tasks, which do nothing once this object is gone.
  std::shared_ptr<bool> is_alive_ = std::make_shared<bool>(true);
};

}  // namespace slotway::storage
