// SPDX-License-Identifier: Apache-2.0
// One parsed request on its way, and where its reply is to go. Views live as long as the call that
// gets them.
#pragma once

#include <span>
#include <string_view>

#include "protocol/command_table.h"
#include "proxy/reply/lane.h"
#include "proxy/reply/read_choice.h"
#include "proxy/reply/reply_queue.h"

namespace slotway::proxy {

struct Request {
  std::span<const std::string_view> args;
  std::string_view bytes;  // as it goes on the wire
  const protocol::CommandSpec* spec = nullptr;
  protocol::CommandId id = 0;
};

// Whose request it is, as far as routing has to know.
struct Asker {
  ReplyQueue& queue;
  Lane lane;               // without IsSlow(): that is the command's affair
  bool is_silent = false;  // its reply is awaited and dropped
  bool is_nested = false;  // a request of a transaction: nothing waits there
  ReadChoice reads = {};   // who may answer if it is a read
};

}  // namespace slotway::proxy
