// SPDX-License-Identifier: Apache-2.0
#include "proxy/tools/readiness_probe.h"

#include <array>
#include <utility>

#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

constexpr int kRepliesWanted = 3;

}  // namespace

ReadinessProbe::ReadinessProbe(runtime::EventLoop& loop, std::uint16_t port, std::string password,
                               OnOutcome on_outcome)
    : password_(std::move(password)), on_outcome_(std::move(on_outcome)), timeout_(loop) {
  timeout_.Start(kTimeoutMs, 0, [this] { Tell("no answer in time"); });
  auto address = runtime::SocketAddress::FromNumeric("127.0.0.1", port);
  connection_ = runtime::Connection::Connect(loop, *address, kTimeoutMs,
                                             runtime::FlushStage::kUpstream, *this);
}

ReadinessProbe::~ReadinessProbe() = default;

void ReadinessProbe::OnConnected() {
  std::string requests;
  protocol::StringSink sink{requests};
  protocol::WriteRequest(sink, std::array<std::string_view, 2>{"AUTH", password_});
  protocol::WriteRequest(sink, std::array<std::string_view, 1>{"PING"});
  protocol::WriteRequest(sink, std::array<std::string_view, 2>{"CLUSTER", "INFO"});
  connection_->Output().Append(requests);
  connection_->MarkForFlush();
}

std::size_t ReadinessProbe::OnBytes(std::string_view input) {
  using Status = protocol::RespReplyScanner::Status;
  std::size_t consumed = 0;
  while (true) {
    std::string_view rest = input.substr(consumed);
    Status status = scanner_.Scan(rest);
    if (status == Status::kIncomplete) return consumed;
    if (status == Status::kMalformed) {
      Tell("what answers does not speak the Redis protocol");
      return input.size();
    }
    std::string_view reply = rest.substr(0, scanner_.Consumed());
    consumed += reply.size();
    std::string problem = Check(reply);
    ++replies_;
    if (!problem.empty() || replies_ == kRepliesWanted) {
      Tell(problem);
      return input.size();
    }
  }
}

std::string ReadinessProbe::Check(std::string_view reply) {
  if (reply.front() == '-') return std::string(reply.substr(1, reply.find('\r') - 1));
  bool is_last = replies_ + 1 == kRepliesWanted;
  if (is_last && reply.find("cluster_state:ok") == std::string_view::npos) {
    return "the shard says that the cluster is down";
  }
  return {};
}

void ReadinessProbe::Tell(const std::string& problem) {
  timeout_.Stop();
  if (auto tell = std::exchange(on_outcome_, nullptr)) tell(problem);
}

}  // namespace slotway::proxy
