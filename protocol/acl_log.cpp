// SPDX-License-Identifier: Apache-2.0
#include "protocol/acl_log.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace slotway::protocol {
namespace {

constexpr std::int64_t kAlikeMs = 60'000;
constexpr std::ptrdiff_t kEntriesCompared = 10;

bool AreAlike(const AclLogEvent& a, const AclLogEvent& b) {
  return a.reason == b.reason && a.context == b.context && a.object == b.object && a.user == b.user;
}

}  // namespace

std::string_view AclLogReasonName(AclLogReason reason) {
  constexpr std::string_view kNames[] = {"command", "key", "channel", "auth"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::string_view AclLogContextName(AclLogContext context) {
  constexpr std::string_view kNames[] = {"toplevel", "multi", "lua"};
  return kNames[static_cast<std::size_t>(context)];
}

void AclLog::Add(AclLogEvent event, std::int64_t now_ms, std::size_t entries_max) {
  const auto end =
      entries_.begin() + std::min(kEntriesCompared, static_cast<std::ptrdiff_t>(entries_.size()));
  const auto alike = std::find_if(entries_.begin(), end, [&](const AclLogEntry& entry) {
    return std::abs(now_ms - entry.updated_ms) <= kAlikeMs && AreAlike(entry.event, event);
  });
  AclLogEntry entry{.event = std::move(event), .created_ms = now_ms, .updated_ms = now_ms};
  if (alike != end) {
    entry.id = alike->id;
    entry.count = alike->count + 1;
    entry.created_ms = alike->created_ms;
    entries_.erase(alike);
  } else {
    entry.id = next_id_++;
  }
  entries_.push_front(std::move(entry));
  while (entries_.size() > entries_max) entries_.pop_back();
}

}  // namespace slotway::protocol
