// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/local_command.h"

#include <cassert>
#include <vector>

namespace slotway::proxy {
namespace {

std::vector<LocalHandler> IndexHandlers() {
  std::vector<LocalHandler> handlers(protocol::CommandCount(), nullptr);
  for (auto family :
       {ConnectionCommands(), ClientCommands(), ServerCommands(), ClusterCommands()}) {
    for (const LocalCommand& command : family) {
      const protocol::CommandSpec* spec = protocol::FindCommandByFullName(command.full_name);
      assert(spec != nullptr);
      handlers[protocol::IdOf(*spec)] = command.handler;
    }
  }
  return handlers;
}

}  // namespace

LocalHandler FindLocalHandler(protocol::CommandId id) {
  static const std::vector<LocalHandler> handlers = IndexHandlers();
  return handlers[id];
}

}  // namespace slotway::proxy
