// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/record_node.h"

#include <utility>

namespace slotway::proxy {
namespace {

// A record of a megabyte in hexadecimal digits, among other libraries.
constexpr std::size_t kReplyBytesMax = 8 * 1024 * 1024;

}  // namespace

RecordNode::RecordNode(runtime::EventLoop& loop, const runtime::SocketAddress& node, Login login)
    : NodeLink(loop, node, std::move(login), kReplyBytesMax) {}

void RecordNode::Ask(std::initializer_list<std::string_view> args, OnAnswer on_answer) {
  if (!IsUp()) Connect();
  questions_.push_back({Loop().NowMs(), std::move(on_answer)});
  Send(args);
}

void RecordNode::DropIfSilent(std::uint64_t limit_ms) {
  if (questions_.empty() || Loop().NowMs() - questions_.front().asked_at_ms <= limit_ms) return;
  Drop();
  OnDropped();
}

void RecordNode::OnReply(const protocol::RespValue& reply) {
  if (questions_.empty()) return;
  const OnAnswer on_answer = std::move(questions_.front().on_answer);
  questions_.pop_front();
  on_answer(&reply);
}

void RecordNode::OnDropped() {
  for (const Question& question : std::exchange(questions_, {})) question.on_answer(nullptr);
}

}  // namespace slotway::proxy
