// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/exec_verdict.h"

#include "protocol/error_reply.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kAbortedBecauseOf = "EXECABORT Transaction discarded because of: ";

}  // namespace

std::string ExecAbortText(std::string_view error) {
  if (error.starts_with("ERR ")) error.remove_prefix(4);
  return std::string(kAbortedBecauseOf) + std::string(error);
}

void ExecVerdict::NoteQueued(std::string_view reply) {
  if (!reply.starts_with('-') || is_refused_) return;
  is_refused_ = JudgeErrorReply(reply) == ReplyVerdict::kForClient;
  if (is_refused_) refusal_ = protocol::ErrorTextOf(reply);
  if (queue_error_.empty()) queue_error_ = reply;
}

ReplyVerdict ExecVerdict::Judge(std::string_view exec_reply) {
  if (!exec_reply.starts_with('-') || is_refused_) return ReplyVerdict::kForClient;
  std::string_view text = protocol::ErrorTextOf(exec_reply);
  if (text.starts_with(kAbortedBecauseOf)) {
    // wire: an error within an error is judged as a reply of its own.
    reason_ = "-" + std::string(text.substr(kAbortedBecauseOf.size())) + "\r\n";
  } else {
    reason_ = text == kExecAborted && !queue_error_.empty() ? queue_error_ : exec_reply;
  }
  return JudgeErrorReply(reason_);
}

}  // namespace slotway::proxy
