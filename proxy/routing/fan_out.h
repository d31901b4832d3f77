// SPDX-License-Identifier: Apache-2.0
// One request to every master, the replies joined.
//
// Masters are reached by one of their slots, so a request for a master that failed goes to its
// successor. When all have answered, the map is looked at again: a master that came meanwhile is
// asked too, one that has answered is not asked twice. Belongs to its worker's thread.
#pragma once

#include <string>
#include <vector>

#include "proxy/reply/reply_join.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {

// What a fan-out brought: one reply per master, none of them an error.
struct FanOutReplies {
  const std::vector<std::string>& args;  // of the request
  const std::vector<std::string>& replies;
  const std::vector<std::string>& names;  // of the masters: "127.0.0.1:7000"
  // What Manner::then_args brought, without errors: as many, or fewer.
  const std::vector<std::string>& replies_then;
  protocol::RespVersion version;
};
// The reply for the client, encoded.
using JoinReplies = std::string (*)(const FanOutReplies&);

class FanOut final : public Operation {
 public:
  struct Manner {
    MergeRule rule = MergeRule::kAllSucceeded;
    JoinReplies join = nullptr;  // instead of the rule
    bool is_readonly = false;
    bool is_enough_if_one_succeeded = false;  // for `join`: errors are left out
    // For `join`: what every master is asked next, if there are several. Not their errors.
    std::vector<std::string> then_args = {};
  };
  static void Start(const OperationContext& context, const Manner& manner);
  // The same with other words than the client's.
  static void Start(const OperationContext& context, const Manner& manner,
                    std::vector<std::string> args);

  void OnReply(std::size_t part, std::string_view reply) override;

 private:
  FanOut(const OperationContext& context, const Manner& manner, std::vector<std::string> args)
      : Operation(context), manner_(manner), args_(std::move(args)) {}

  struct Part {
    protocol::Slot slot;
    NodeIndex node = kNoNodeIndex;  // whom it was sent to; unknown while it is held back
    std::string reply;
  };

  bool AskMastersNotCovered();
  bool AskNextThing();
  std::string Joined() const;

  Manner manner_;
  std::vector<std::string> args_;
  std::vector<Part> parts_before_;  // those of args_, while `then_args` is asked
  std::vector<Part> parts_;
  std::size_t parts_left_ = 0;
  int rounds_ = 0;
};

}  // namespace slotway::proxy
