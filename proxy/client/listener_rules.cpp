// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/listener_rules.h"

#include <array>
#include <cassert>
#include <utility>
#include <vector>

#include "protocol/error_text.h"

namespace slotway::proxy {
namespace {

using config::ListenerFace;
using config::ListenerMode;
using protocol::CommandSpec;

constexpr std::array kClusterOnly = {"cluster", "readonly", "readwrite", "asking"};
constexpr std::array kReadOnlyKin = {std::pair{"eval", "eval_ro"},
                                     std::pair{"evalsha", "evalsha_ro"},
                                     std::pair{"fcall", "fcall_ro"}};

// No writes, and yet they change the shards, or keep them busy, for everybody.
constexpr std::array kServerChanging = {
    "config|set",   "config|rewrite", "config|resetstat", "save",          "bgsave",
    "bgrewriteaof", "debug",          "script|flush",     "latency|reset", "slowlog|reset"};

struct RulesByCommand {
  std::vector<ListenerRule> when_read_only;
  std::vector<ListenerRule> when_standalone;
};

std::size_t IndexOf(std::string_view full_name) {
  const CommandSpec* spec = protocol::FindCommandByFullName(full_name);
  assert(spec != nullptr);
  return protocol::IdOf(*spec);
}

RulesByCommand MakeRules() {
  std::size_t count = protocol::CommandCount();
  std::size_t ids = protocol::CommandIdCount();
  RulesByCommand rules{std::vector<ListenerRule>(ids), std::vector<ListenerRule>(ids)};
  for (std::size_t kind = 0; kind < protocol::kLearnedKinds; ++kind) {
    if ((kind & protocol::kLearnedWrite) == 0) continue;
    rules.when_read_only[count + kind].refusal = protocol::error_text::kReadonlyReplica;
  }
  for (std::size_t id = 0; id < count; ++id) {
    const CommandSpec& spec = protocol::CommandById(static_cast<protocol::CommandId>(id));
    if (spec.flags.Has(protocol::CommandFlag::kWrite)) {
      rules.when_read_only[id].refusal = protocol::error_text::kReadonlyReplica;
    }
  }
  for (const char* name : kServerChanging) {
    rules.when_read_only[IndexOf(name)].refusal = protocol::error_text::kReadonlyReplica;
  }
  for (const auto& [name, kin] : kReadOnlyKin) {
    rules.when_read_only[IndexOf(name)].instead = protocol::FindCommandByFullName(kin);
  }
  for (const char* name : kClusterOnly) {
    const CommandSpec& spec = *protocol::FindCommandByFullName(name);
    const ListenerRule rule{.refusal = protocol::error_text::kNoCluster, .is_refused_when_run = true};
    rules.when_standalone[IndexOf(name)] = rule;
    for (const CommandSpec& subcommand : spec.subcommands) {
      rules.when_standalone[protocol::IdOf(subcommand)] = rule;
    }
  }
  return rules;
}

}  // namespace

bool HasListenerRules(const config::ListenerConfig& listener) {
  return listener.mode == ListenerMode::kReadOnly || listener.face == ListenerFace::kStandalone;
}

ListenerRule ListenerRuleOf(const config::ListenerConfig& listener, protocol::CommandId command) {
  static const RulesByCommand rules = MakeRules();
  if (listener.face == ListenerFace::kStandalone) {
    const ListenerRule& rule = rules.when_standalone[command];
    if (!rule.refusal.empty()) return rule;
  }
  return listener.mode == ListenerMode::kReadOnly ? rules.when_read_only[command] : ListenerRule{};
}

}  // namespace slotway::proxy
