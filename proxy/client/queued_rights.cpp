// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/queued_rights.h"

#include <map>
#include <string>
#include <utility>

#include "protocol/command_table.h"
#include "protocol/error_reply.h"
#include "protocol/error_text.h"
#include "proxy/client/client_session.h"
#include "proxy/client/nested_requests.h"
#include "proxy/client/transaction_queue.h"
#include "proxy/client/user_rights.h"

namespace slotway::proxy {
namespace {

using Args = std::span<const std::string_view>;

// A learned command may have gone since.
std::string DenialNow(ClientSession& session, const protocol::AclUser& user, Args args) {
  if (user.MayDoEverything()) return {};
  const protocol::CommandSpec* spec = protocol::FindCommand(args);
  const auto& learned = session.Services().learned;
  if (spec == nullptr && learned != nullptr) spec = learned->Find(args);
  return spec == nullptr ? protocol::error_text::UnknownCommand(args)
                         : DenialOf(session, user, *spec, args);
}

}  // namespace

void RefuseWhatIsDenied(ClientSession& session, TransactionQueue& queue) {
  const WorkerServices& services = session.Services();
  const bool is_open = services.users->users.Default().HasNoPassword();
  protocol::RespRequestParser parser;
  parser.SetLimits(LimitsOfNested(services.settings.limits));
  const protocol::AclUser* user = session.State().user;
  std::map<std::size_t, std::string> refusals;
  for (std::size_t place = 0; place < queue.Commands().size(); ++place) {
    const TransactionQueue::Command& command = queue.Commands()[place];
    const bool may_log_in = MayLogIn(command.id);
    if (!command.is_inside && !may_log_in) continue;
    (void)parser.Parse(queue.BytesOf(command));
    if (may_log_in) {
      const auto login = LoginIn(command.id, parser.Args(), is_open);
      const protocol::AclUser* next = login ? WhoWouldLogIn(session, *login) : nullptr;
      if (next != nullptr) user = next;
    } else if (const std::string denial = DenialNow(session, *user, parser.Args());
               !denial.empty()) {
      refusals.emplace(place, protocol::ErrorReplyOf(denial));
    }
  }
  queue.Refuse(std::move(refusals));
}

}  // namespace slotway::proxy
