// SPDX-License-Identifier: Apache-2.0
// Measures the exchanges of one connection to a shard: when each request was read, sent and
// answered.
//
// Requests are counted on the connection, from 1, as the shard counts them. They are answered in
// order, so that a time is kept per batch and not per request, and what is recorded is recorded per
// run of alike answers. Belongs to its worker's thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "protocol/command_families.h"
#include "proxy/meters/exchange.h"
#include "proxy/meters/node_meters.h"
#include "proxy/meters/worker_meter.h"
#include "runtime/ring.h"

namespace slotway::proxy {

class ExchangeMeter {
 public:
  // Until then requests are counted and nothing is measured.
  // shared: see NodeMeters.
  void Attach(WorkerMeter& worker, std::shared_ptr<NodeMeter> node) {
    worker_ = &worker;
    node_ = std::move(node);
  }
  bool IsAttached() const { return worker_ != nullptr; }
  NodeMeter& Node() const { return *node_; }
  WorkerMeter& Worker() const { return *worker_; }

  // So many requests stand behind all before, read from their client when the worker last looked at
  // the clock. Hot.
  void Asked(std::size_t requests = 1) {
    if (worker_ != nullptr && worker_->now_us != newest_read_us_) [[unlikely]] BeginBatch();
    asked_ += requests;
  }
  // All of them have been handed to the socket.
  void Sent();

  // Before the replies of one read are handled, and behind them.
  void BeginReplies();
  void EndReplies() { EndRun(); }
  // The next request has been answered; Pass() follows. True if that is to be noted: it is large, was
  // drawn, or was slow and the first of its batch: those behind it have waited for it. REQUIRES:
  // IsAttached(). Hot.
  bool Answered(protocol::FamilyId family, std::size_t request_bytes, std::size_t reply_bytes) {
    if (answered_ + 1 >= batch_end_) [[unlikely]] EnterBatch();
    if (family != run_family_) [[unlikely]] {
      EndRun();
      run_family_ = family;
    }
    ++run_;
    is_drawn_ = --worker_->until_look == 0;
    return is_drawn_ | std::exchange(is_noted_, false) |
           (std::max(request_bytes, reply_bytes) >= WorkerMeter::kLargeBytes);
  }
  // The same for one that was sent again: it has taken `total_us` by now.
  bool AnsweredLate(protocol::FamilyId family, std::uint64_t total_us);
  // Nothing more is to come for the next `requests`.
  void Pass(std::size_t requests = 1) { answered_ += requests; }

  // Of what Answered() or AnsweredLate() has just said yes to.
  ExchangeTimes Times();
  std::uint64_t Ordinal() const { return answered_ + 1; }
  bool IsDrawn() const { return is_drawn_; }

 private:
  struct Read {
    std::uint64_t first;  // request that was read then
    std::uint64_t us;
  };
  struct Write {
    std::uint64_t last;  // request that had been sent by then
    std::uint64_t us;
  };
  static constexpr std::uint64_t kOpen = ~std::uint64_t{0};

  void BeginBatch();
  void EnterBatch();
  void DropReadsBefore(std::uint64_t request);
  void EndRun();

  WorkerMeter* worker_ = nullptr;
  std::shared_ptr<NodeMeter> node_;  // shared: see NodeMeters
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t newest_read_us_ = 0;
  runtime::Ring<Read> reads_;    // of the batches that are not answered
  runtime::Ring<Write> writes_;
  // Of the batch that is being answered.
  std::uint64_t batch_end_ = 0;  // the first request behind it; kOpen: none is
  std::uint64_t taken_us_ = 0;
  bool is_slow_ = false;
  bool is_noted_ = false;  // its next answer
  // Answers of one batch and family that are not recorded yet.
  std::uint64_t run_ = 0;
  protocol::FamilyId run_family_ = 0;
  bool is_drawn_ = false;
};

}  // namespace slotway::proxy
