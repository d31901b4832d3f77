// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/lane_probe.h"

#include <utility>

#include "protocol/command_table.h"
#include "protocol/error_text.h"

namespace slotway::proxy {

LaneProbe::LaneProbe(const OperationContext& context, ClientSession& session,
                     std::function<void(SessionState&)> grant)
    : Operation(context), session_(session), grant_(std::move(grant)), left_(MasterCount()) {}

void LaneProbe::Start(LocalCall& call, std::span<const std::string_view> question,
                      std::function<void(SessionState&)> grant) {
  WorkerServices& services = call.session.Services();
  Request request{call.args, {}, &call.spec, protocol::IdOf(call.spec)};
  auto* probe = new LaneProbe({services.dispatcher, services.settings, request,
                               call.session.Replies(), call.session.OpenPlace(), Lane()},
                              call.session, std::move(grant));
  if (probe->left_ == 0) return probe->FinishWithError(protocol::error_text::kClusterDown);
  probe->SendToEachMaster(question, true);
}

void LaneProbe::OnReply(std::size_t, std::string_view reply) {
  if (reply.starts_with('-')) refusal_ = reply;
  if (--left_ > 0) return;
  if (!refusal_.empty()) return Finish(refusal_);
  grant_(session_.State());
  std::string granted;
  protocol::StringSink sink{granted};
  LocalWriter(sink, Version()).Ok();
  Finish(granted);
}

}  // namespace slotway::proxy
