// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/request_plan.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "proxy/routing/keyless_routes.h"

namespace slotway::proxy {
namespace {

using protocol::CommandFlag;
using protocol::CommandSpec;
using protocol::KeySpec;
using protocol::RequestPolicy;
using protocol::ResponsePolicy;

bool IsOneFixedKey(const CommandSpec& spec) {
  if (spec.key_specs.size() != 1) return false;
  const KeySpec& keys = spec.key_specs[0];
  return keys.begin == KeySpec::Begin::kIndex && keys.find == KeySpec::Find::kRange &&
         keys.last_key == 0 && !keys.flags.Has(protocol::KeyFlag::kIncomplete);
}

// A key spec that a request can be cut along: keys at a fixed distance up to the end.
bool IsEvenRun(const CommandSpec& spec) {
  if (spec.key_specs.size() != 1) return false;
  const KeySpec& keys = spec.key_specs[0];
  return keys.begin == KeySpec::Begin::kIndex && keys.find == KeySpec::Find::kRange &&
         keys.last_key == -1 && keys.limit <= 1;
}

// Scripts run as long as they like; KEYS, SORT and their like visit whole data sets. What is there
// to stop or to watch a script must not wait behind it.
bool IsSlow(const CommandSpec& spec) {
  using protocol::AclCategory;
  if (spec.flags.Has(CommandFlag::kFast) || spec.flags.Has(CommandFlag::kAllowBusy)) return false;
  return spec.categories.Has(AclCategory::kScripting) ||
         (spec.categories.Has(AclCategory::kDangerous) && !spec.flags.Has(CommandFlag::kAdmin));
}

struct ScriptCommand {
  std::string_view full_name;
  ScriptUse use;
};
constexpr std::array<ScriptCommand, 4> kScriptCommands = {{
    {"eval", ScriptUse::kText},
    {"eval_ro", ScriptUse::kText},
    {"evalsha", ScriptUse::kDigest},
    {"evalsha_ro", ScriptUse::kDigest},
}};

RequestPlan PlanKeyed(const CommandSpec& spec) {
  RequestPlan plan;
  plan.is_readonly = spec.IsReadonly();
  // A replica does not know the scripts that its master was given.
  plan.may_use_replica =
      plan.is_readonly && !spec.categories.Has(protocol::AclCategory::kScripting);
  plan.is_slow = IsSlow(spec);
  // What these change belongs to one connection, and a shard's connection is everybody's.
  bool is_about_a_connection = spec.categories.Has(protocol::AclCategory::kTransaction) ||
                               spec.flags.Has(CommandFlag::kPubsub);
  if (is_about_a_connection) return plan;
  plan.may_block = plan.needs_quiet = spec.flags.Has(CommandFlag::kBlocking);
  if (plan.may_block) {
    plan.route = Route::kKeys;
  } else if (spec.request_policy == RequestPolicy::kMultiShard && IsEvenRun(spec)) {
    plan.route = Route::kSplit;
    plan.merge = MergeRuleOf(spec.response_policy, true);
    plan.first_key = static_cast<std::uint8_t>(spec.key_specs[0].index);
    plan.args_per_key = static_cast<std::uint8_t>(spec.key_specs[0].key_step);
  } else if (IsOneFixedKey(spec)) {
    plan.route = Route::kOneKey;
    plan.first_key = static_cast<std::uint8_t>(spec.key_specs[0].index);
  } else {
    plan.route = Route::kKeys;
    plan.may_lack_keys = spec.flags.Has(CommandFlag::kNoMandatoryKeys);
  }
  return plan;
}

}  // namespace

RequestPlan PlanOf(const CommandSpec& spec) {
  // A container's own row only counts for an unknown subcommand, which is answered before.
  if (!spec.key_specs.empty()) return PlanKeyed(spec);
  RequestPlan plan;
  plan.is_readonly = spec.IsReadonly();
  plan.is_slow = IsSlow(spec);
  // WAIT counts one client's writes, which a shared connection cannot tell apart.
  bool is_about_a_connection =
      spec.flags.Has(CommandFlag::kBlocking) || spec.flags.Has(CommandFlag::kPubsub);
  bool is_joinable = spec.response_policy != ResponsePolicy::kSpecial &&
                     (spec.request_policy == RequestPolicy::kAllShards ||
                      spec.request_policy == RequestPolicy::kAllNodes);
  if (is_joinable && !is_about_a_connection) {
    plan.route = Route::kAllShards;
    plan.merge = MergeRuleOf(spec.response_policy, false);
  }
  return plan;
}

// Of a learned command the row says where its keys are; how long it takes is not known.
void PlanLearned(std::span<const Composition> compositions, std::vector<RequestPlan>& plans) {
  auto blocking = std::find_if(compositions.begin(), compositions.end(),
                               [](const auto& some) { return some.when_blocking != nullptr; });
  for (std::size_t kind = 0; kind < protocol::kLearnedKinds; ++kind) {
    RequestPlan& plan = plans[protocol::CommandCount() + kind];
    plan.route = Route::kKeys;
    plan.is_learned = plan.is_slow = true;
    plan.is_readonly = (kind & protocol::kLearnedWrite) == 0;
    plan.may_block = plan.needs_quiet = (kind & protocol::kLearnedBlocking) != 0;
    if (plan.may_block && blocking != compositions.end()) {
      plan.start_blocking = blocking->when_blocking;
    }
  }
}

std::vector<RequestPlan> PlanAllCommands(std::span<const Composition> compositions) {
  std::vector<RequestPlan> plans(protocol::CommandIdCount());
  PlanLearned(compositions, plans);
  for (std::size_t id = 0; id < protocol::CommandCount(); ++id) {
    plans[id] = PlanOf(protocol::CommandById(static_cast<protocol::CommandId>(id)));
  }
  auto plan_of = [&](std::string_view full_name) -> RequestPlan& {
    const CommandSpec* spec = protocol::FindCommandByFullName(full_name);
    assert(spec != nullptr);
    return plans[protocol::IdOf(*spec)];
  };
  for (const ScriptCommand& command : kScriptCommands) {
    plan_of(command.full_name).script_use = command.use;
  }
  for (const KeylessRoute& keyless : KeylessRoutes()) {
    RequestPlan& plan = plan_of(keyless.full_name);
    plan.route = keyless.route;
    plan.merge = keyless.merge;
  }
  for (const Refusal& refusal : Refusals()) {
    RequestPlan& plan = plan_of(refusal.full_name);
    plan.route = Route::kUnsupported;
    plan.refusal = refusal.text;
  }
  for (const Composition& composition : compositions) {
    RequestPlan& plan = plan_of(composition.full_name);
    plan.start = composition.always;
    if (composition.when_blocking != nullptr) plan.start_blocking = composition.when_blocking;
    plan.needs_quiet |= composition.needs_quiet;
    if (composition.across_slots != nullptr) plan.start_across_slots = composition.across_slots;
    plan.across_slots_writes = composition.across_slots_writes || !plan.is_readonly;
    plan.reads_more = composition.reads_more;
    plan.start_reading_more = composition.when_reading_more;
    plan.suits_lone_shard = composition.suits_lone_shard;
    if (plan.reads_more != nullptr) plan.route = Route::kKeys;
    if (plan.start == nullptr) continue;
    plan.route = Route::kComposed;
    plan.may_use_replica = false;
  }
  for (RequestPlan& plan : plans) {
    // What goes to several shards would overtake what one of them has taken back.
    plan.needs_quiet |= plan.route == Route::kComposed || plan.route == Route::kAllShards;
    plan.is_plain = plan.route == Route::kOneKey && !plan.needs_quiet && !plan.is_slow;
  }
  return plans;
}

std::string UnsupportedText(std::string_view full_name, std::string_view how) {
  std::string name(full_name);
  std::replace(name.begin(), name.end(), '|', ' ');
  return "ERR Slotway does not support '" + name + "'" + std::string(how) + " yet";
}

}  // namespace slotway::proxy
