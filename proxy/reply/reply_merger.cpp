// SPDX-License-Identifier: Apache-2.0
#include "proxy/reply/reply_merger.h"

#include <cassert>

namespace slotway::proxy {

void ReplyMerger::OnReply(std::size_t part, std::string_view reply) {
  assert(parts_left_ > 0);
  join_.Fold(part, reply);
  if (--parts_left_ > 0) return;
  Queue().Deliver(Sequence(), join_.Result());
  delete this;
}

}  // namespace slotway::proxy
