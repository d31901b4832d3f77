// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/client_pause.h"

#include <algorithm>

#include "proxy/client/session_registry.h"
#include "proxy/client/worker_services.h"

namespace slotway::proxy {
using protocol::CommandFlag;

bool MayChangeReplicas(const protocol::CommandSpec& spec) {
  if (spec.IsWrite()) return true;
  bool writes_to_keys = std::any_of(
      spec.key_specs.begin(), spec.key_specs.end(),
      [](const protocol::KeySpec& keys) { return keys.flags.Has(protocol::KeyFlag::kReadWrite); });
  if (spec.IsReadonly()) return writes_to_keys;
  bool is_script =
      spec.categories.Has(protocol::AclCategory::kScripting) && !spec.key_specs.empty();
  bool publishes =
      spec.flags.Has(CommandFlag::kPubsub) && !spec.flags.Has(CommandFlag::kNoscript) &&
      spec.flags.Has(CommandFlag::kFast);
  return is_script || publishes;
}

void PauseClients(WorkerServices& services, std::uint64_t for_ms, bool holds_all) {
  ClientPause& pause = services.pause;
  bool was_on = pause.IsOn();
  std::uint64_t now_ms = services.loop.NowMs();
  pause.holds_all = holds_all || (was_on && pause.holds_all);
  pause.until_ms = std::max(was_on ? pause.until_ms : 0, now_ms + for_ms);
  if (!pause.timer) pause.timer.emplace(services.loop);
  pause.timer->Start(pause.until_ms - now_ms, 0, [&services] { UnpauseClients(services); });
  services.common_ways |= kPaused;
  services.sessions.ForEach([](ClientSession& session) { session.State().ways |= kPaused; });
}

void UnpauseClients(WorkerServices& services) {
  ClientPause& pause = services.pause;
  if (pause.timer) pause.timer->Stop();
  pause.holds_all = false;
  services.common_ways &= static_cast<std::uint8_t>(~kPaused);
  for (ClientSession* session : services.sessions.All()) session->EndPostponement();
}

}  // namespace slotway::proxy
