// SPDX-License-Identifier: Apache-2.0
// A request that waits at shards for something to happen, and how others end the wait early.
//
// Belongs to its worker's thread. While it waits, its client's ReplyQueue knows it.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

namespace slotway::proxy {

class BlockedCall {
 public:
  virtual ~BlockedCall() = default;
  // The words of the request that waits.
  virtual std::vector<std::string_view> Request() const = 0;
  // Whether it ends by itself after a time that its client has named.
  virtual bool HasDeadline() const = 0;
  // Nobody wants the reply any more: what waits at the shards is ended. Frees the call.
  virtual void OnClientGone() = 0;
  // Ends the wait as if its time were over, or with an error. `done` is told, perhaps later,
  // whether this ended it; something may have happened before. May free the call.
  virtual void Unblock(bool with_error, std::function<void(bool)> done) = 0;
  // Ends the wait with this error. May free the call.
  virtual void Refuse(std::string_view error) = 0;
};

}  // namespace slotway::proxy
