// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/watch.h"

#include "protocol/resp_writer.h"

namespace slotway::proxy {

Watch::~Watch() {
  if (connection_ == nullptr) return;
  if (!connection_->IsDown() && !is_forgotten_) {
    // wire: a constant request.
    connection_->Send("*1\r\n$7\r\nUNWATCH\r\n", InFlight::Dropped());
  }
  services_.dispatcher.Private().GiveBack(*connection_);
}

bool Watch::Open(const runtime::SocketAddress& node) {
  connection_ = services_.dispatcher.Private().Take(node, lane_, *this);
  return connection_ != nullptr;
}

void Watch::ExpectAnswer() {
  std::uint64_t timeout_ms = services_.settings.backend.response_timeout_ms;
  if (timeout_ms == 0) return;
  patience_.Start(timeout_ms, 0, [this] {
    if (connection_ != nullptr) connection_->Fail("the shard did not answer in time");
  });
}

void Watch::OnPrivateDown(BackendConnection&, std::string_view) {
  patience_.Stop();
  connection_ = nullptr;
  is_broken_ = true;
}

}  // namespace slotway::proxy
