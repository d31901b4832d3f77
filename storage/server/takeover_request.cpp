// SPDX-License-Identifier: Apache-2.0
#include "storage/server/takeover_request.h"

#include <initializer_list>
#include <span>
#include <utility>

#include "protocol/resp_writer.h"
#include "runtime/socket_address.h"

namespace slotway::storage {
namespace {

// What a replica that is well never takes.
constexpr std::uint64_t kTimeoutMs = 5000;
constexpr std::size_t kAnswerBytesMax = 1024;

}  // namespace

TakeoverRequest::TakeoverRequest(runtime::EventLoop& loop, const ServerState& server,
                                 const std::string& ip, std::uint16_t port, bool is_forced,
                                 std::function<void(std::string_view error)> on_answer)
    : loop_(loop), timer_(loop), on_answer_(std::move(on_answer)) {
  const config::ShardConfig& config = server.Config();
  const auto address = runtime::SocketAddress::FromNumeric(ip, port);
  if (!address) {
    timer_.Start(0, 0, [this] { End("it has no address"); });
    return;
  }
  connection_ = runtime::Connection::Unconnected(loop, runtime::FlushStage::kUpstream, *this);
  const auto say = [this](std::initializer_list<std::string_view> words) {
    protocol::WriteRequest(connection_->Output(), std::span(words.begin(), words.size()));
    ++answers_due_;
  };
  if (!config.masterauth.empty() && config.masteruser.empty()) say({"AUTH", config.masterauth});
  if (!config.masterauth.empty() && !config.masteruser.empty()) {
    say({"AUTH", config.masteruser, config.masterauth});
  }
  if (is_forced) {
    say({"CLUSTER", "FAILOVER", "FORCE"});
  } else {
    say({"CLUSTER", "FAILOVER"});
  }
  if (auto tls = server.tls.ToNode(config.tls_cluster)) connection_->Secure(std::move(tls));
  connection_->BeginToConnect(*address, kTimeoutMs);
  timer_.Start(kTimeoutMs, 0, [this] { End("it does not answer"); });
}

TakeoverRequest::~TakeoverRequest() = default;

std::size_t TakeoverRequest::OnBytes(std::string_view input) {
  std::size_t taken = 0;
  while (answers_due_ > 0) {
    const std::string_view rest = input.substr(taken);
    // wire: the end of a line of the answer
    const std::size_t end = rest.find("\r\n");
    if (end == std::string_view::npos) {
      if (rest.size() > kAnswerBytesMax) End("what it says is no answer");
      return taken;
    }
    const std::string line(rest.substr(0, end));
    taken += end + 2;
    --answers_due_;
    const bool is_last = answers_due_ == 0;
    // A server without users has no need of the login.
    if (is_last || line.starts_with("-WRONGPASS")) {
      End(line.starts_with('-') ? std::string_view(line).substr(1) : std::string_view());
      return taken;
    }
  }
  return taken;
}

// Not from within the connection's callbacks, which end with this object.
void TakeoverRequest::End(std::string_view error) {
  if (!on_answer_) return;
  if (connection_) connection_->Abandon();
  timer_.Start(0, 0, [answer = std::exchange(on_answer_, nullptr), text = std::string(error)] {
    answer(text);
  });
}

}  // namespace slotway::storage
