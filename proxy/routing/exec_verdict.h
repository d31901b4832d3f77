// SPDX-License-Identifier: Apache-2.0
// Reads what a shard answered to MULTI, the queued commands and EXEC: has the transaction run, is
// it wrong, or may it be tried again, since nothing of it has run?
#pragma once

#include <string>
#include <string_view>

#include "proxy/routing/redirect.h"

namespace slotway::proxy {

class ExecVerdict {
 public:
  // Without MULTI the commands behind it have run as they came.
  void NoteMulti(std::string_view reply) { is_refused_ = reply.starts_with('-'); }
  void NoteQueued(std::string_view reply);
  // The reply to EXEC. kForClient: it is what the client gets. Anything else: nothing has run, and
  // Reason() is the error that says why.
  ReplyVerdict Judge(std::string_view exec_reply);
  // A whole error reply.
  std::string_view Reason() const { return reason_; }
  // The text of the error with which a command was not queued for good; empty if all were. The
  // client has been told "+QUEUED" meanwhile, so EXEC has to say why it did not run.
  std::string_view Refusal() const { return refusal_; }
  // For the next try.
  void Reset() { *this = {}; }

 private:
  std::string queue_error_;  // the first that is worth another try
  std::string refusal_;
  bool is_refused_ = false;  // another try would fare no better
  std::string reason_;
};

// "EXECABORT Transaction discarded because of: ..." as Redis says it; `error` without '-'.
std::string ExecAbortText(std::string_view error);
inline constexpr std::string_view kExecAborted =
    "EXECABORT Transaction discarded because of previous errors.";

}  // namespace slotway::proxy
