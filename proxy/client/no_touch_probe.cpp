// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/no_touch_probe.h"

#include <array>

#include "protocol/command_table.h"
#include "protocol/error_text.h"

namespace slotway::proxy {

NoTouchProbe::NoTouchProbe(const OperationContext& context, ClientSession& session)
    : Operation(context), session_(session), left_(MasterCount()) {}

void NoTouchProbe::Start(LocalCall& call) {
  WorkerServices& services = call.session.Services();
  Request request{call.args, {}, &call.spec, protocol::IdOf(call.spec)};
  auto* probe = new NoTouchProbe({services.dispatcher, services.settings, request,
                                  call.session.Replies(), call.session.OpenPlace(), Lane()},
                                 call.session);
  if (probe->left_ == 0) return probe->FinishWithError(protocol::error_text::kClusterDown);
  constexpr std::array<std::string_view, 3> kQuestion = {"CLIENT", "NO-TOUCH", "OFF"};
  probe->SendToEachMaster(kQuestion, true);
}

void NoTouchProbe::OnReply(std::size_t, std::string_view reply) {
  if (reply.starts_with('-')) refusal_ = reply;
  if (--left_ > 0) return;
  if (!refusal_.empty()) return Finish(refusal_);
  session_.State().is_no_touch = true;
  std::string granted;
  protocol::StringSink sink{granted};
  LocalWriter(sink, Version()).Ok();
  Finish(granted);
}

}  // namespace slotway::proxy
