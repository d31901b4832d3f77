// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/watch.h"

#include <initializer_list>
#include <string>

#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

void SendWords(BackendConnection& connection, std::initializer_list<std::string_view> words) {
  std::string bytes;
  protocol::StringSink sink{bytes};
  protocol::WriteRequest(sink, std::span(words.begin(), words.size()));
  connection.Send(bytes, InFlight::Dropped());
}

std::string AckWord(Lane lane) {
  return lane.Acks() == Lane::kAckMajority ? "majority" : std::to_string(lane.Acks());
}

}  // namespace

Watch::~Watch() {
  if (connection_ == nullptr) return;
  if (!connection_->IsDown()) {
    // wire: a constant request.
    if (!is_forgotten_) connection_->Send("*1\r\n$7\r\nUNWATCH\r\n", InFlight::Dropped());
    SwitchTo(lane_);
  }
  services_.dispatcher.Private().GiveBack(*connection_);
}

bool Watch::Open(const runtime::SocketAddress& node) {
  connection_ = services_.dispatcher.Private().Take(node, lane_, *this);
  return connection_ != nullptr;
}

void Watch::SwitchTo(Lane lane) {
  if (lane.Version() != now_.Version()) {
    SendWords(*connection_, {"HELLO", std::to_string(static_cast<int>(lane.Version()))});
  }
  if (lane.Database() != now_.Database()) {
    SendWords(*connection_, {"SELECT", std::to_string(lane.Database())});
  }
  if (lane.Acks() != now_.Acks()) {
    SendWords(*connection_, {"CLIENT", "ACK-REPLICAS", AckWord(lane)});
  }
  now_ = lane;
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
