// SPDX-License-Identifier: Apache-2.0
#include "storage/server/slot_snapshot.h"

#include <algorithm>
#include <vector>

#include "protocol/resp_writer.h"
#include "storage/persistence/dump_payload.h"

namespace slotway::storage {

SlotSnapshot::SlotSnapshot(ServerState& server, const cluster::SlotBitmap& slots,
                           SnapshotSink& sink)
    : server_(server), keys_(server.Database(0)), slots_(slots), sink_(sink) {
  keys_.BeginCapture(*this);
  slots_.ForEach([this](protocol::Slot slot) { keys_in_all_ += keys_.SizeOfSlot(slot); });
}

bool SlotSnapshot::Step(std::size_t max_keys) {
  if (!is_given_up_ && sink_.HasFailed()) is_given_up_ = true;
  if (!is_given_up_ && !sink_.HasRoom()) return true;
  return keys_.CaptureSome(max_keys);
}

// A key that exists already was left by nobody: the target was empty of these slots.
void SlotSnapshot::Capture(const Entry& entry) {
  if (is_given_up_ || !slots_.Has(entry.slot())) return;
  const std::string payload = DumpValue(keys_, entry);
  // Zero would be none.
  const auto at_ms = entry.expire_at_ms();
  const std::string ttl = std::to_string(at_ms ? std::max<std::int64_t>(*at_ms, 1) : 0);
  std::vector<std::string_view> words = {"RESTORE", entry.key(), ttl, payload, "REPLACE", "ABSTTL"};
  std::string access;
  if (IsLru(server_.Config().maxmemory_policy)) {
    access = std::to_string(keys_.IdleSeconds(entry, server_.now_ms));
    words.insert(words.end(), {"IDLETIME", access});
  } else if (IsLfu(server_.Config().maxmemory_policy)) {
    access = std::to_string(keys_.Frequency(entry, server_.now_ms));
    words.insert(words.end(), {"FREQ", access});
  }
  command_.clear();
  protocol::StringSink sink{command_};
  protocol::WriteRequest(sink, words);
  ++keys_written_;
  sink_.Take(command_);
}

}  // namespace slotway::storage
