// SPDX-License-Identifier: Apache-2.0
// Clients whose requests wait, not for a key: CLIENT PAUSE, and slots that change hands.
#include <utility>

#include "storage/commands/command_call.h"
#include "storage/server/shard_server.h"

namespace slotway::storage {

bool ShardServer::MayWrite(const ClientState& client, const Request& request) const {
  auto may_write = [this](const protocol::CommandSpec& spec,
                          std::span<const std::string_view> args) {
    return spec.IsWrite() || MayReplicate(spec) || scripts_.MayWrite(spec, args);
  };
  const Transaction* transaction = client.transaction.get();
  if (transaction == nullptr || request.spec != protocol::FindCommandByFullName("exec")) {
    return may_write(*request.spec, request.args);
  }
  for (std::size_t i = 0; i < transaction->Count(); ++i) {
    if (may_write(transaction->SpecAt(i), transaction->ArgsAt(i))) return true;
  }
  return false;
}

bool ShardServer::HoldsSlotOf(const ClientState& client, const Request& request) const {
  if (client.Is(ClientWay::kImporting) || !WouldRun(client, request)) return false;
  const auto is_held = [this, &client](const Request& asked) {
    if (asked.key_index != 0) return state_.cluster.holds_slot(asked.slot);
    // Where its keys are is not known beforehand, or it may change all.
    return !asked.spec->key_specs.empty() || MayWrite(client, asked);
  };
  const Transaction* transaction = client.transaction.get();
  if (transaction == nullptr) return is_held(request);
  if (request.spec != protocol::FindCommandByFullName("exec")) return false;
  for (std::size_t i = 0; i < transaction->Count(); ++i) {
    const std::vector<std::string_view> args = transaction->ArgsAt(i);
    if (is_held(executor_->Prepare(args))) return true;
  }
  return false;
}

void ShardServer::ResumeClients() {
  if (shutdown_.HasEnded()) return;
  state_.paused_until_ms = 0;
  state_.ApplyExpiryMode();
  LetClientsGoOn();
}

// Those who still have to wait are held back again.
void ShardServer::LetClientsGoOn() {
  for (auto& [id, session] : sessions_) {
    if (!std::exchange(session->Client().is_held_back, false)) continue;
    --state_.clients_held_back;
    session->Connection().ResumeReading();
  }
}

}  // namespace slotway::storage
