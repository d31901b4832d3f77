// SPDX-License-Identifier: Apache-2.0
// What clients of this worker subscribe to - a channel, a pattern or a shard channel - and where it
// is subscribed upstream.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/slot.h"
#include "protocol/tracking_options.h"

namespace slotway::proxy {

class PubsubLink;
class Subscriber;

enum class TopicKind : std::uint8_t { kChannel, kPattern, kShard };
inline constexpr std::size_t kTopicKinds = 3;
constexpr std::size_t IndexOf(TopicKind kind) { return static_cast<std::size_t>(kind); }

// The words that stand for a kind: commands and, in lower case, confirmations.
struct TopicWords {
  std::string_view join, leave;
};
inline constexpr std::array<TopicWords, kTopicKinds> kTopicWords = {{
    {"subscribe", "unsubscribe"},
    {"psubscribe", "punsubscribe"},
    {"ssubscribe", "sunsubscribe"},
}};
constexpr const TopicWords& WordsOf(TopicKind kind) { return kTopicWords[IndexOf(kind)]; }

// There the proxy speaks, no shard does.
using protocol::kInvalidateChannel;

// One upstream subscription of a topic.
struct Standing {
  PubsubLink* link;
  bool is_wanted = true;
  bool is_lost = false;      // the shard ended it before it had answered
  std::uint32_t joins = 0;   // sent, not answered yet
  std::uint32_t leaves = 0;

  bool IsConfirmed() const { return is_wanted && joins == 0 && leaves == 0; }
  // Whether the shard may have it among its subscribers, as far as is known.
  bool IsCounted() const { return IsConfirmed() || (!is_wanted && joins == 0 && leaves > 0); }
  bool IsOver() const { return !is_wanted && joins == 0 && leaves == 0; }
};

struct Topic {
  TopicKind kind;
  std::string name;
  protocol::Slot slot{0};      // of a shard channel
  bool is_node_local = false;  // may carry keyspace events, which only the node tells where they are
  bool is_own = false;         // has no upstream
  bool is_alone = false;       // was refused in company: asked for in a request of its own
  std::vector<Subscriber*> members;
  std::size_t interest = 0;             // members and those who wait to become one
  std::size_t holds = 0;                // it is not erased while there are any
  std::uint64_t retry_at_ms = 0;        // after a refusal
  std::vector<Subscriber*> waiting;     // for the upstream to confirm, or to have let go
  std::vector<Standing> standings;

  Standing* Find(const PubsubLink& link) {
    for (Standing& standing : standings) {
      if (standing.link == &link) return &standing;
    }
    return nullptr;
  }
  bool IsConfirmedOn(const PubsubLink& link) {
    const Standing* standing = Find(link);
    return standing != nullptr && standing->IsConfirmed();
  }
};

// Whether a message on this channel is one node's own affair: __keyspace@0__:x, __keyevent@0__:del.
bool IsEventChannel(std::string_view channel);
// Whether a pattern could match such a channel; in doubt it could.
bool MayMatchEventChannels(std::string_view pattern);

}  // namespace slotway::proxy
