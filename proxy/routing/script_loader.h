// SPDX-License-Identifier: Apache-2.0
// Sees to it that a shard knows a script before it is asked to run it by its digest.
//
// SCRIPT LOAD goes out right before the request, on the same connection, so nothing overtakes. What
// was sent on a connection is remembered until it ends. Belongs to its worker's thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "proxy/backend/backend_connection.h"
#include "proxy/routing/script_memory.h"

namespace slotway::proxy {

class ScriptLoader {
 public:
  // The second word of EVALSHA on the wire.
  static std::string DigestOf(std::string_view request_bytes);

  enum class Loading : std::uint8_t { kUnknownScript, kDoneBefore, kBegun };
  // Loads the script if the proxy knows it and the shard may not.
  Loading LoadAhead(ScriptMemory& memory, BackendConnection& connection, std::string_view digest);
  // The same, whatever the shard is thought to know: for what cannot be asked a second time.
  static void LoadAgain(ScriptMemory& memory, BackendConnection& connection,
                        std::string_view digest);
  // The shard said NOSCRIPT. Whether another LoadAhead() can help.
  bool NoteUnknown(ScriptMemory& memory, BackendConnection& connection, std::string_view digest);
  void ForgetConnection(const BackendConnection& connection) { loaded_.erase(&connection); }

 private:
  using Digests = std::set<std::string, std::less<>>;

  std::unordered_map<const BackendConnection*, Digests> loaded_;
  std::uint64_t generation_ = 0;  // of the memory, when loaded_ was begun
};

}  // namespace slotway::proxy
