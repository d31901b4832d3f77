// SPDX-License-Identifier: Apache-2.0
#include "proxy/meters/exchange_meter.h"

namespace slotway::proxy {

void ExchangeMeter::BeginBatch() {
  newest_read_us_ = worker_->now_us;
  reads_.PushBack({asked_ + 1, newest_read_us_});
  if (batch_end_ == kOpen) batch_end_ = asked_ + 1;
}

void ExchangeMeter::Sent() {
  if (worker_ == nullptr || (!writes_.Empty() && writes_.Back().last == asked_)) return;
  writes_.PushBack({asked_, runtime::MonotonicUs()});
}

void ExchangeMeter::BeginReplies() {
  worker_->Touch();
  batch_end_ = 0;  // what it has taken is another time now
  while (!writes_.Empty() && writes_.Front().last <= answered_) writes_.PopFront();
  DropReadsBefore(answered_ + 1);
}

// All but that of this request: probes and the like are never measured.
void ExchangeMeter::DropReadsBefore(std::uint64_t request) {
  while (reads_.Size() > 1 && reads_[1].first <= request) reads_.PopFront();
}

void ExchangeMeter::EnterBatch() {
  EndRun();
  const std::uint64_t next = answered_ + 1;
  DropReadsBefore(next);
  batch_end_ = reads_.Size() > 1 ? reads_[1].first : kOpen;
  const std::uint64_t read_us = reads_.Empty() ? worker_->now_us : reads_.Front().us;
  taken_us_ = worker_->now_us - std::min(read_us, worker_->now_us);
  is_slow_ = worker_->IsSlow(taken_us_);
  is_noted_ = taken_us_ >= worker_->look_from_us && worker_->MayNoteSlow();
}

void ExchangeMeter::EndRun() {
  if (run_ == 0) return;
  worker_->latency_us[run_family_].Record(taken_us_, run_);
  node_->latency_us.Record(taken_us_, run_);
  if (is_slow_) worker_->slow_requests.Add(run_);
  run_ = 0;
}

bool ExchangeMeter::AnsweredLate(protocol::FamilyId family, std::uint64_t total_us) {
  EndRun();
  batch_end_ = 0;  // for the next one
  taken_us_ = total_us;
  is_slow_ = worker_->IsSlow(total_us);
  run_family_ = family;
  run_ = 1;
  EndRun();
  is_drawn_ = false;
  return total_us >= worker_->look_from_us && worker_->MayNoteSlow();
}

ExchangeTimes ExchangeMeter::Times() {
  while (!writes_.Empty() && writes_.Front().last < Ordinal()) writes_.PopFront();
  const std::uint64_t sent_us = writes_.Empty() ? worker_->now_us : writes_.Front().us;
  ExchangeTimes times;
  times.total_us = taken_us_;
  times.wait_us = std::min(taken_us_, worker_->now_us - std::min(sent_us, worker_->now_us));
  times.proxy_us = taken_us_ - times.wait_us;
  return times;
}

}  // namespace slotway::proxy
