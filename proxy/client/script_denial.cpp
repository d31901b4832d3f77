// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/script_denial.h"

#include <utility>

#include "protocol/error_reply.h"
#include "protocol/resp_reply_value.h"
#include "proxy/client/user_rights.h"

namespace slotway::proxy {
namespace {

using protocol::AclLogReason;
using protocol::RespValue;

// Others of the shard's users may have been refused something since.
constexpr std::string_view kEntriesAsked = "32";

// A map, or an array that alternates as one does.
std::string_view FieldOf(const RespValue& entry, std::string_view name) {
  for (std::size_t i = 0; i + 1 < entry.elements.size(); i += 2) {
    if (entry.elements[i].text == name) return entry.elements[i + 1].text;
  }
  return {};
}

class DenialNaming final : public Operation {
 public:
  DenialNaming(const OperationContext& context, ClientSession& session, std::string guise,
               std::string reply)
      : Operation(context),
        session_(session),
        command_name_(context.request.spec->name),
        slot_(context.slot),
        guise_(std::move(guise)),
        reply_(std::move(reply)) {}

  void Begin() { Send(slot_, {"ACL", "LOG", kEntriesAsked}, 0, true); }
  void OnReply(std::size_t, std::string_view answer) override {
    const AclLogReason reason = *ScriptDenialIn(reply_);
    const auto object = ObjectInAclLog(answer, guise_, reason);
    NoteScriptDenial(session_, reason, object ? *object : command_name_);
    Finish(std::string(reply_));
  }

 private:
  ClientSession& session_;
  std::string command_name_;  // what there is to say if the shard does not know
  protocol::Slot slot_;
  std::string guise_;
  std::string reply_;
};

}  // namespace

// Its words differ between versions.
std::optional<AclLogReason> ScriptDenialIn(std::string_view reply) {
  if (!reply.starts_with('-')) return std::nullopt;
  const std::string_view text = protocol::ErrorTextOf(reply);
  const bool is_denial =
      text.starts_with("NOPERM") || text.starts_with("ERR The user executing the script");
  if (!is_denial) return std::nullopt;
  const auto speaks_of = [&](std::string_view word) {
    return text.find(word) != std::string_view::npos;
  };
  if (speaks_of("channel")) return AclLogReason::kChannel;
  return speaks_of(" key") ? AclLogReason::kKey : AclLogReason::kCommand;
}

std::optional<std::string> ObjectInAclLog(std::string_view answer, std::string_view user,
                                          AclLogReason reason) {
  const auto log = protocol::ParseRespValue(answer);
  if (!log) return std::nullopt;
  for (const RespValue& entry : log->elements) {
    if (FieldOf(entry, "username") == user &&
        FieldOf(entry, "reason") == protocol::AclLogReasonName(reason)) {
      return std::string(FieldOf(entry, "object"));
    }
  }
  return std::nullopt;
}

void NoteAndDeliver(const OperationContext& context, ClientSession& session, std::string guise,
                    std::string reply) {
  (new DenialNaming(context, session, std::move(guise), std::move(reply)))->Begin();
}

}  // namespace slotway::proxy
