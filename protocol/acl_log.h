// SPDX-License-Identifier: Apache-2.0
// What was refused lately, for ACL LOG: the latest first, the like together, bounded in number.
//
// Source: the ACL LOG page of the Redis documentation. Time comes from outside. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace slotway::protocol {

enum class AclLogReason : std::uint8_t { kCommand, kKey, kChannel, kAuth };
enum class AclLogContext : std::uint8_t { kToplevel, kMulti, kLua };

std::string_view AclLogReasonName(AclLogReason reason);
std::string_view AclLogContextName(AclLogContext context);

struct AclLogEvent {
  AclLogReason reason = AclLogReason::kCommand;
  AclLogContext context = AclLogContext::kToplevel;
  std::string object;  // the command, key or channel; of a login the command that tried it
  std::string user;
  std::string client;  // as CLIENT LIST describes it
};

struct AclLogEntry {
  AclLogEvent event;  // the client is the latest one's
  std::uint64_t id = 0;
  std::uint64_t count = 1;
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;
};

class AclLog {
 public:
  // Within a minute the like of one of the ten latest entries counts with it.
  void Add(AclLogEvent event, std::int64_t now_ms, std::size_t entries_max);
  void Clear() { entries_.clear(); }
  const std::deque<AclLogEntry>& Entries() const { return entries_; }  // the latest first

 private:
  std::deque<AclLogEntry> entries_;
  std::uint64_t next_id_ = 0;
};

}  // namespace slotway::protocol
