// SPDX-License-Identifier: Apache-2.0
#include "storage/server/hidden_slots.h"

#include <string>
#include <utility>
#include <vector>

#include "runtime/clock.h"
#include "storage/cluster/slot_ranges.h"
#include "storage/commands/key_change.h"

namespace slotway::storage {
namespace {

constexpr std::size_t kKeysPerDeletion = 64;
constexpr std::uint64_t kTurnUs = 1000;

}  // namespace

void HiddenSlots::Apply(const cluster::SlotBitmap& slots, bool are_hidden) {
  Keyspace& keys = server_.Database(0);
  slots.ForEach([&](protocol::Slot slot) { keys.HideSlot(slot, are_hidden); });
}

void HiddenSlots::Set(const cluster::SlotBitmap& slots, bool are_hidden) {
  if (slots.Empty()) return;
  Apply(slots, are_hidden);
  ++server_.changes;
  if (!server_.propagation.IsOn()) return;
  std::vector<std::string_view> words = {"CLUSTER", "SYNCSLOTS", are_hidden ? "HIDE" : "SHOW"};
  const std::vector<std::string> bounds = cluster::BoundsOf(cluster::RangesOf(slots));
  words.insert(words.end(), bounds.begin(), bounds.end());
  server_.propagation.Add(0, words, Audience::kAll);
  if (server_.calls_within == 0) server_.propagation.EndUnits();
}

bool HiddenSlots::IsHidden(protocol::Slot slot) const {
  return server_.Database(0).IsSlotHidden(slot);
}

bool HiddenSlots::DeleteSome(protocol::Slot slot) {
  Keyspace& keys = server_.Database(0);
  std::vector<std::string> names;
  keys.ForEachInSlot(slot, kKeysPerDeletion,
                     [&names](const Entry& entry) { names.emplace_back(entry.key()); });
  if (names.empty()) return false;
  std::vector<std::string_view> words = {"UNLINK"};
  for (const std::string& name : names) {
    keys.Delete(slot, name, server_.now_ms);
    ++server_.changes;
    ++server_.changes_since_save;
    TellOfKeyChange(server_, 0, name, config::kNotifyGeneric, "del");
    words.push_back(name);
  }
  if (server_.propagation.IsOn()) {
    server_.propagation.Add(0, words, Audience::kAll);
    if (server_.calls_within == 0) server_.propagation.EndUnits();
  }
  return true;
}

void HiddenSlots::Doom(const cluster::SlotBitmap& slots) {
  slots.ForEach([this](protocol::Slot slot) { doomed_.Add(slot); });
  OnOwners();
}

void HiddenSlots::OnOwners() {
  if (doomed_.Empty()) return;
  cluster::SlotBitmap(doomed_).ForEach([this](protocol::Slot slot) {
    while (state_.IsMine(slot) && DeleteSome(slot)) {
    }
  });
}

void HiddenSlots::Step() {
  const bool may_change = server_.busy_error.empty() && !server_.replication.is_replica &&
                          !server_.persistence.loading.is_loading &&
                          !server_.replication.lacks_data;
  if (!may_change || server_.DatabaseIfUsed(0) == nullptr) return;
  const std::vector<protocol::Slot> hidden = server_.Database(0).HiddenSlots();
  if (hidden.empty()) {
    doomed_ = {};
    return;
  }
  server_.RefreshClock();
  const std::uint64_t start_us = runtime::MonotonicUs();
  cluster::SlotBitmap shown;
  bool is_out_of_time = false;
  for (protocol::Slot slot : hidden) {
    if (expects_(slot)) continue;
    if (!state_.IsMine(slot)) doomed_.Add(slot);
    bool has_more = doomed_.Has(slot);
    while (has_more && !is_out_of_time) {
      has_more = DeleteSome(slot);
      is_out_of_time = runtime::MonotonicUs() - start_us > kTurnUs;
    }
    if (!has_more) shown.Add(slot);
    if (is_out_of_time) break;
  }
  shown.ForEach([this](protocol::Slot slot) { doomed_.Drop(slot); });
  Show(shown);
  if (!is_out_of_time || std::exchange(goes_on_, true)) return;
  loop_.DeferToNextTurn([this, is_alive = is_alive_] {
    if (!*is_alive) return;
    goes_on_ = false;
    Step();
  });
}

}  // namespace slotway::storage
