// SPDX-License-Identifier: Apache-2.0
// What a client is told of its subscriptions: the same from a proxy and from a server.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotway::protocol {

// The answer to one channel of SUBSCRIBE, SUNSUBSCRIBE and their like; `word` names the command.
// `channel` nullptr: there was nothing to unsubscribe from.
template <class Writer>
void WriteConfirmation(Writer& writer, std::string_view word, const std::string_view* channel,
                       std::size_t subscriptions) {
  writer.Push(3);
  writer.Bulk(word);
  if (channel != nullptr) {
    writer.Bulk(*channel);
  } else {
    writer.Null();
  }
  writer.Integer(static_cast<std::int64_t>(subscriptions));
}

}  // namespace slotway::protocol
