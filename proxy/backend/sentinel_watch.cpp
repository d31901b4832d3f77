// SPDX-License-Identifier: Apache-2.0
#include "proxy/backend/sentinel_watch.h"

namespace slotway::proxy {
void SentinelWatch::Care() {
  if (IsUp() && !has_answered_) Drop();
  has_answered_ = false;
  if (IsUp()) {
    Send({"PING"});
    return;
  }
  Connect();
  for (const std::string& channel : protocol::FailoverChannels()) Send({"SUBSCRIBE", channel});
}

void SentinelWatch::OnReply(const protocol::RespValue& reply) {
  // No right to subscribe: polling goes on without us.
  if (reply.IsError()) return Drop();
  has_answered_ = true;
  const auto& words = reply.elements;
  if (words.size() != 3 || words[0].text != "message") return;
  auto news = protocol::ParseFailoverNews(words[1].text, words[2].text, master_name_);
  if (news != protocol::FailoverNews::kNone) on_news_(news);
}

}  // namespace slotway::proxy
