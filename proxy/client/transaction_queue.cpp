// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/transaction_queue.h"

#include <utility>

#include "proxy/client/local_command.h"
#include "proxy/client/login_request.h"
#include "proxy/routing/script_request.h"

namespace slotway::proxy {
namespace {

using protocol::CommandFlag;

constexpr std::string_view kCrossSlot =
    "CROSSSLOT Keys in a transaction have to hash to one slot, and this command's hash to another";
constexpr std::string_view kFanOutBetween =
    "ERR A command for all shards stands before this one: in a transaction such commands have to "
    "stand before or behind all that have keys, and behind them if keys are watched";
constexpr std::string_view kTooManyBytes =
    "ERR The transaction is larger than limits.transaction_bytes_max";
constexpr std::string_view kTooManyCommands =
    "ERR The transaction has more commands than limits.transaction_commands_max";
constexpr std::string_view kNotAllowed = "ERR Command not allowed inside a transaction";

bool SuitsLoneShard(std::span<const std::string_view> args, const RequestPlan& plan) {
  if (plan.route == Route::kAllShards) return true;
  return plan.suits_lone_shard != nullptr && plan.suits_lone_shard(args);
}

}  // namespace

std::string TransactionQueue::Add(const Request& request, const WorkerServices& services) {
  const config::LimitsConfig& limits = services.settings.limits;
  std::string error;
  Command command{nullptr, request.id, bytes_.size(), request.bytes.size(), true, false};
  if (request.spec->flags.Has(CommandFlag::kNoMulti)) {
    error = kNotAllowed;
  } else if (bytes_.size() + request.bytes.size() > limits.transaction_bytes_max) {
    error = kTooManyBytes;
  } else if (commands_.size() >= limits.transaction_commands_max) {
    error = kTooManyCommands;
  } else {
    error = Place(request, services, command);
  }
  if (!error.empty()) {
    is_refused_ = true;
    return error;
  }
  if (is_refused_) return {};  // it will not run: there is no need to keep it
  if (command.is_outside) command.spec = request.spec;
  is_to_be_checked_ = is_to_be_checked_ || MayLogIn(request.id);
  commands_.push_back(command);
  bytes_ += request.bytes;
  return {};
}

std::string TransactionQueue::Place(const Request& request, const WorkerServices& services,
                                    Command& command) {
  const RequestPlan& plan = services.router.PlanOf(request.id);
  bool has_keys =
      !request.spec->key_specs.empty() && !request.spec->flags.Has(CommandFlag::kPubsub);
  const LocalCommand* local = FindLocalCommand(request.id);
  bool is_for_all = plan.route == Route::kAllShards || plan.route == Route::kComposed;
  // WAIT does not wait in a transaction, so any shard may have it; what goes to all shards is one
  // shard's if there is but one.
  bool is_keyless_inside =
      plan.is_learned || plan.route == Route::kAnyShard ||
      (!has_keys && request.spec->flags.Has(CommandFlag::kBlocking)) ||
      (services.dispatcher.SlotOfEachMaster().size() <= 1 && SuitsLoneShard(request.args, plan));
  command.is_outside = local != nullptr || (!has_keys && is_for_all && !is_keyless_inside);
  if (local != nullptr) {
    command.is_inside =
        local->in_transaction == InTransaction::kOnShardToo && !services.dispatcher.HasSlots();
    if (!command.is_inside) return {};
    changes_database_ = true;
    is_keyless_inside = true;
  } else if (command.is_outside) {
    command.is_inside = false;
    (inside_ > 0 || is_watching_ ? has_later_fan_out_ : begins_outside_) = true;
    return {};
  }
  if (!plan.refusal.empty()) return std::string(plan.refusal);
  if (!has_keys && !is_keyless_inside) return UnsupportedText(request.spec->name);
  if (has_later_fan_out_) return std::string(kFanOutBetween);
  if (has_keys) {
    if (std::string error = CheckSlot(request, services); !error.empty()) return error;
  }
  if (plan.script_use == ScriptUse::kText && HasSoundKeyCount(request.args)) {
    scripts_.push_back({inside_, std::string(request.args[1])});
  }
  if (plan.script_use == ScriptUse::kDigest) digests_.emplace_back(request.args[1]);
  ++inside_;
  is_readonly_ =
      is_readonly_ && (request.spec->IsReadonly() ||
                       RunsReadonlyScript(request.args, plan, services.dispatcher.Scripts()));
  is_slow_ = is_slow_ || plan.is_slow;
  return {};
}

void TransactionQueue::Refuse(std::map<std::size_t, std::string> replies) {
  constexpr std::size_t kGone = ~std::size_t{0};
  refusals_ = std::move(replies);
  std::vector<std::size_t> place_now;  // of each that was inside
  inside_ = 0;
  for (std::size_t place = 0; place < commands_.size(); ++place) {
    Command& command = commands_[place];
    const bool is_refused = RefusalOf(place) != nullptr;
    if (command.is_inside) place_now.push_back(is_refused ? kGone : inside_++);
    if (!is_refused) continue;
    command.is_inside = false;
    command.is_outside = true;
  }
  for (Script& script : scripts_) script.inside = place_now[script.inside];
  std::erase_if(scripts_, [](const Script& script) { return script.inside == kGone; });
}

// What the keys cannot be told of is the shard's to refuse.
std::string TransactionQueue::CheckSlot(const Request& request, const WorkerServices& services) {
  auto extracted = protocol::ExtractKeys(*request.spec, request.args, keys_);
  if (extracted != protocol::KeyExtractionError::kNone) return {};
  bool may_lack_keys = services.router.PlanOf(request.id).may_lack_keys;
  auto keyless = services.settings.routing.keyless_scripts;
  if (keys_.empty() && may_lack_keys && keyless == config::KeylessScripts::kOff) {
    return std::string(Router::kKeylessScriptsOff);
  }
  for (const protocol::KeyPosition& key : keys_) {
    protocol::Slot slot = services.dispatcher.SlotOf(request.args[key.index]);
    if (!slot_) slot_ = slot;
    if (slot != *slot_) return std::string(kCrossSlot);
  }
  return {};
}

}  // namespace slotway::proxy
