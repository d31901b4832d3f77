// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/local_command.h"

#include <cassert>
#include <vector>

namespace slotway::proxy {
namespace {

std::vector<const LocalCommand*> IndexCommands() {
  std::vector<const LocalCommand*> commands(protocol::CommandIdCount(), nullptr);
  for (auto family :
       {ConnectionCommands(), ClientCommands(), ClientAdminCommands(), ServerCommands(),
        UserCommands(), ClusterCommands(), TransactionCommands(), SubscribeCommands(),
        PublishCommands(), MonitorCommands(), TrackingCommands(), SlotwayCommands()}) {
    for (const LocalCommand& command : family) {
      const protocol::CommandSpec* spec = protocol::FindCommandByFullName(command.full_name);
      assert(spec != nullptr);
      commands[protocol::IdOf(*spec)] = &command;
    }
  }
  return commands;
}

// By id. At namespace scope, since a function's own would be looked after at every request.
const std::vector<const LocalCommand*> kCommandOfId = IndexCommands();

}  // namespace

const LocalCommand* FindLocalCommand(protocol::CommandId id) { return kCommandOfId[id]; }

}  // namespace slotway::proxy
