// SPDX-License-Identifier: Apache-2.0
// The command of a client's last request: the next one is mostly the same, and then nothing of it
// has to be looked up or checked again.
#pragma once

#include "protocol/command_table.h"
#include "proxy/routing/request_plan.h"

namespace slotway::proxy {

struct LastCommand {
  const protocol::CommandSpec* spec = nullptr;  // nullptr: the table does not know it
  protocol::CommandId id = 0;
  // A request with the same first argument, and as many of them, has the same command.
  bool is_all_said = false;
  // Its plan, if that is plain and the request had as many arguments as the command takes.
  const RequestPlan* plain_plan = nullptr;
};

}  // namespace slotway::proxy
