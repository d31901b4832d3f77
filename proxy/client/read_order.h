// SPDX-License-Identifier: Apache-2.0
// Keeps the order of one client's requests while its reads go to replicas.
//
// Requests run in the order in which they were sent, on whichever nodes: a read behind a write that
// is on its way goes to the master, too, and a write waits for reads that replicas have still to
// answer. While anything is on its way, reads take the same turn, and so the same replica: they do
// not go back in time. Belongs to its worker's thread.
#pragma once

#include <cstdint>

#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

class ReadOrder {
 public:
  // Clients begin with different turns, so that they spread over the replicas.
  explicit ReadOrder(std::uint64_t client_id) : turn_(static_cast<std::uint32_t>(client_id)) {}

  enum class Verdict : std::uint8_t {
    kMaster,
    kReplica,
    kWait,  // nothing was noted: ask again once everything is answered
  };
  // Where the next request goes, whose place will be the queue's next.
  Verdict Next(const ReplyQueue& replies, bool may_use_replica) {
    ReplyQueue::Sequence place = replies.NextPlace();
    if (!may_use_replica) {
      if (HasReadsOnTheirWay(replies)) return Verdict::kWait;
      last_at_master_ = place;
      return Verdict::kMaster;
    }
    if (replies.IsOutstanding(last_at_master_)) {
      last_at_master_ = place;
      return Verdict::kMaster;
    }
    if (replies.Outstanding() == 0) ++turn_;
    last_replica_read_ = place;
    return Verdict::kReplica;
  }
  bool HasReadsOnTheirWay(const ReplyQueue& replies) const {
    return replies.IsOutstanding(last_replica_read_);
  }
  std::uint32_t Turn() const { return turn_; }

 private:
  static constexpr ReplyQueue::Sequence kNever = UINT32_MAX;

  ReplyQueue::Sequence last_at_master_ = kNever;
  ReplyQueue::Sequence last_replica_read_ = kNever;
  std::uint32_t turn_;
};

}  // namespace slotway::proxy
