// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/subscriber.h"

#include <algorithm>

#include "protocol/pubsub_reply.h"

namespace slotway::proxy {

bool Subscriber::CheckOutput(const config::LimitsConfig& limits, std::uint64_t now_ms) {
  if (is_cut_ || queue_.IsDetached()) return false;
  std::size_t bytes = queue_.WaitingBytes();
  if (bytes <= limits.pubsub_output_soft_bytes) {
    soft_since_ms_ = 0;
    return false;
  }
  if (soft_since_ms_ == 0) soft_since_ms_ = std::max<std::uint64_t>(now_ms, 1);
  is_cut_ = bytes > limits.pubsub_output_max_bytes ||
            now_ms - soft_since_ms_ > limits.pubsub_output_soft_ms;
  if (is_cut_) owner_.OnTooSlow("does not take its messages: limits.pubsub_output_...");
  return !is_cut_;
}

void Subscriber::Confirm(TopicKind kind, bool is_join, const std::string_view* name,
                         std::string& out) const {
  protocol::StringSink sink{out};
  protocol::RespWriter<protocol::StringSink> writer(sink, version_);
  const std::string_view word = is_join ? WordsOf(kind).join : WordsOf(kind).leave;
  protocol::WriteConfirmation(writer, word, name, ConfirmedCount(kind));
}

}  // namespace slotway::proxy
