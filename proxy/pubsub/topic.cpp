// SPDX-License-Identifier: Apache-2.0
#include "proxy/pubsub/topic.h"

namespace slotway::proxy {
namespace {

constexpr std::array<std::string_view, 2> kEventPrefixes = {"__keyspace@", "__keyevent@"};

// Past the class that begins at `at`, "[a-z]"; an open one goes to the end.
std::size_t EndOfClass(std::string_view pattern, std::size_t at) {
  for (++at; at < pattern.size(); ++at) {
    if (pattern[at] == '\\') {
      ++at;
    } else if (pattern[at] == ']') {
      return at + 1;
    }
  }
  return pattern.size();
}

bool MayBeginWith(std::string_view pattern, std::string_view prefix) {
  std::size_t at = 0;
  for (char wanted : prefix) {
    if (at >= pattern.size()) return false;
    if (pattern[at] == '*') return true;
    if (pattern[at] == '[') {
      at = EndOfClass(pattern, at);
      continue;
    }
    bool is_any = pattern[at] == '?';
    if (pattern[at] == '\\' && at + 1 < pattern.size()) ++at;
    if (!is_any && pattern[at] != wanted) return false;
    ++at;
  }
  return true;
}

}  // namespace

bool IsEventChannel(std::string_view channel) {
  for (std::string_view prefix : kEventPrefixes) {
    if (channel.starts_with(prefix)) return true;
  }
  return false;
}

bool MayMatchEventChannels(std::string_view pattern) {
  for (std::string_view prefix : kEventPrefixes) {
    if (MayBeginWith(pattern, prefix)) return true;
  }
  return false;
}

}  // namespace slotway::proxy
