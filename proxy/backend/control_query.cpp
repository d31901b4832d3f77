// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/control_query.h"

#include <utility>

#include "protocol/resp_writer.h"

namespace slotway::proxy {
ControlQuery::ControlQuery(runtime::EventLoop& loop, const runtime::SocketAddress& node,
                           const BackendLogin& login, const Questions& questions,
                           std::uint64_t timeout_ms, OnAnswers on_answers)
    : timeout_(loop), on_answers_(std::move(on_answers)), questions_left_(questions.size()) {
  connection_ = runtime::Connection::Connect(loop, node, 0, runtime::FlushStage::kUpstream, *this,
                                             login.tls.StreamTo(node));
  logins_.Expect(WriteAuth(connection_->Output(), login));
  QueueSink sink{connection_->Output()};
  for (const std::vector<std::string>& words : questions) {
    std::vector<std::string_view> views(words.begin(), words.end());
    protocol::WriteRequest(sink, std::span<const std::string_view>(views));
  }
  timeout_.Start(timeout_ms, 0, [this] { Finish(runtime::Fail("no answer in time")); });
}

ControlQuery::~ControlQuery() = default;

std::size_t ControlQuery::OnBytes(std::string_view input) {
  std::size_t taken = 0;
  while (taken < input.size()) {
    std::string_view rest = input.substr(taken);
    auto status = scanner_.Scan(rest);
    if (status == protocol::RespReplyScanner::Status::kIncomplete) return taken;
    if (status == protocol::RespReplyScanner::Status::kMalformed) {
      Finish(runtime::Fail("the node's answer is no reply"));
      return taken;
    }
    std::string_view reply = rest.substr(0, scanner_.Consumed());
    taken += reply.size();
    if (logins_.AreDue()) {
      if (logins_.Take(reply.starts_with('-'))) continue;
      std::string reason = "login refused: ";
      reason += reply.substr(1, reply.size() - 3);
      Finish(runtime::Fail(std::move(reason)));
      return taken;
    }
    auto value = protocol::ParseRespValue(reply);
    if (!value || value->IsError()) {
      Finish(runtime::Fail(value ? value->text : value.error()));
      return taken;
    }
    answers_.push_back(std::move(*value));
    if (--questions_left_ > 0) continue;
    Finish(std::move(answers_));
    return taken;
  }
  return taken;
}

void ControlQuery::OnClosed(std::string_view reason) { Finish(runtime::Fail(std::string(reason))); }

void ControlQuery::Finish(runtime::Result<Answers> answers) {
  timeout_.Stop();
  if (!on_answers_) return;
  auto on_answers = std::exchange(on_answers_, nullptr);
  on_answers(std::move(answers));
}

}  // namespace slotway::proxy
