// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/fan_out.h"

#include <algorithm>
#include <utility>

#include "protocol/error_text.h"

namespace slotway::proxy {
namespace {

// A map that changes more often than this while one request runs is followed no further.
constexpr int kRoundsMax = 8;

}  // namespace

void FanOut::Start(const OperationContext& context, const Manner& manner) {
  Start(context, manner, {context.request.args.begin(), context.request.args.end()});
}

void FanOut::Start(const OperationContext& context, const Manner& manner,
                   std::vector<std::string> args) {
  auto* fan_out = new FanOut(context, manner, std::move(args));
  if (fan_out->MasterCount() == 0) {
    fan_out->FinishWithError(protocol::error_text::kClusterDown);
  } else {
    fan_out->AskMastersNotCovered();
  }
}

// True if there was somebody to ask. May end the operation.
bool FanOut::AskMastersNotCovered() {
  if (++rounds_ > kRoundsMax) return false;
  std::size_t first = parts_.size();
  for (protocol::Slot slot : Dispatch().SlotOfEachMaster()) {
    NodeIndex node = Dispatch().OwnerIndex(slot);
    bool is_covered = std::any_of(parts_.begin(), parts_.end(),
                                  [&](const Part& part) { return part.node == node; });
    if (is_covered) continue;
    bool is_sent_at_once = Dispatch().ReadyConnection(slot, OwnLane()) != nullptr;
    parts_.push_back({slot, is_sent_at_once ? node : kNoNodeIndex, {}});
  }
  std::size_t count = parts_.size();
  if (count == first) return false;
  parts_left_ += count - first;
  // The last answer may come, and free this, while the last part is sent.
  std::vector<protocol::Slot> slots;
  for (std::size_t i = first; i < count; ++i) slots.push_back(parts_[i].slot);
  for (std::size_t i = first; i < count; ++i) {
    Send(slots[i - first], parts_before_.empty() ? args_ : manner_.then_args, i,
         manner_.is_readonly);
  }
  return true;
}

// True if there is something more to ask. May end the operation.
bool FanOut::AskNextThing() {
  if (manner_.then_args.empty() || !parts_before_.empty() || parts_.size() < 2) return false;
  parts_before_.swap(parts_);
  rounds_ = 0;
  return AskMastersNotCovered();
}

void FanOut::OnReply(std::size_t part, std::string_view reply) {
  parts_[part].reply = reply;
  if (parts_[part].node == kNoNodeIndex) {
    parts_[part].node = Dispatch().OwnerIndex(parts_[part].slot);
  }
  if (--parts_left_ > 0 || AskMastersNotCovered() || AskNextThing()) return;
  if (!parts_before_.empty()) parts_before_.swap(parts_);
  Finish(Joined());
}

std::string FanOut::Joined() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) names.push_back(Dispatch().NameOf(part.node));
  bool has_error = false, has_success = false;
  for (const Part& part : parts_) {
    bool is_error = part.reply.starts_with('-');
    (is_error ? has_error : has_success) = true;
  }
  bool may_join = has_success && (!has_error || manner_.is_enough_if_one_succeeded);
  if (manner_.join != nullptr && may_join) {
    std::vector<std::string> replies, named;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (parts_[i].reply.starts_with('-')) continue;
      replies.push_back(parts_[i].reply);
      named.push_back(names[i]);
    }
    std::vector<std::string> replies_then;
    for (const Part& part : parts_before_) {
      if (!part.reply.starts_with('-')) replies_then.push_back(part.reply);
    }
    return manner_.join({args_, replies, named, replies_then, Version()});
  }
  ReplyJoin join(manner_.join != nullptr ? MergeRule::kAllSucceeded : manner_.rule, parts_.size());
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    join.SetName(i, "shard " + names[i]);
    join.Fold(i, parts_[i].reply);
  }
  return join.Result();
}

}  // namespace slotway::proxy
