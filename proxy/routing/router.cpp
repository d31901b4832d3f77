// SPDX-License-Identifier: Apache-2.0
#include "proxy/routing/router.h"

#include <algorithm>
#include <map>
#include <string>

#include "protocol/block_timeout.h"
#include "protocol/error_text.h"
#include "protocol/resp_writer.h"
#include "proxy/reply/reply_merger.h"
#include "proxy/routing/fan_out.h"
#include "proxy/routing/operation.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;

}  // namespace

// Of a command whose row does not say where its time stands, anything may be.
bool Router::Blocks(const Request& request) const {
  if (!plans_[request.id].may_block) return false;
  return request.spec->timeout == protocol::TimeoutPlace::kNone ||
         protocol::FindBlockTimeout(*request.spec, request.args).has_value();
}

void Router::RouteUnusual(const Request& request, const RequestPlan& plan, const Asker& asker) {
  InFlight in_flight = Describe(request, plan, asker);
  in_flight.queue = &asker.queue;
  in_flight.place = asker.queue.Open(asker.is_silent);
  switch (plan.route) {
    case Route::kOneKey:
      SendWhole(request, dispatcher_.SlotOf(request.args[plan.first_key]), in_flight);
      return;
    case Route::kKeys:
    case Route::kSplit:
      RouteByKeys(request, plan, in_flight);
      return;
    case Route::kAllShards:
      SendToAllShards(request, plan, in_flight);
      return;
    case Route::kComposed:
      Start(plan.start, request, in_flight, asker.is_nested);
      return;
    case Route::kAnyShard:
      SendToAnyShard(request, in_flight);
      return;
    default:
      if (!plan.refusal.empty()) return AnswerError(in_flight, plan.refusal);
      AnswerError(in_flight, UnsupportedText(request.spec->name));
  }
}

void Router::Start(StartOperation start, const Request& request, const InFlight& in_flight,
                   bool is_nested) {
  Lane lane = in_flight.lane.WithReadonly(false);  // what an operation reads, it may write back
  start({dispatcher_, settings_, request, *in_flight.queue, in_flight.place, lane,
         in_flight.slot, is_nested});
}

InFlight Router::Describe(const Request& request, const RequestPlan& plan,
                          const Asker& asker) const {
  InFlight in_flight;
  in_flight.command = request.id;
  in_flight.is_readonly = plan.is_readonly;
  in_flight.lane = asker.lane;
  if (asker.reads.Policy() != config::ReadPolicy::kPrimary && plan.may_use_replica) {
    in_flight.lane = asker.lane.WithReadonly(true);
    in_flight.reads = asker.reads;
  }
  return in_flight;
}

void Router::SendWhole(const Request& request, Slot slot, InFlight in_flight) {
  in_flight.slot = slot;
  last_slot_ = slot;
  if (!in_flight.is_readonly) in_flight.queue->NoteWrite(slot);
  dispatcher_.Send(request.bytes, in_flight);
}

void Router::SendOrBlock(const Request& request, const RequestPlan& plan, Slot slot,
                         InFlight in_flight) {
  if (!Blocks(request)) return SendWhole(request, slot, in_flight);
  if (plan.start_blocking == nullptr) {
    return AnswerError(in_flight, UnsupportedText(request.spec->name));
  }
  in_flight.slot = slot;
  Start(plan.start_blocking, request, in_flight);
}

void Router::RouteByKeys(const Request& request, const RequestPlan& plan, InFlight in_flight) {
  auto error = protocol::ExtractKeys(*request.spec, request.args, keys_);
  if (error != protocol::KeyExtractionError::kNone) {
    // Not a syntax that we know: a shard, any of them, says what is wrong with it.
    SendOrBlock(request, plan, protocol::Slot{0}, in_flight);
    return;
  }
  if (keys_.empty()) return RouteKeyless(request, plan, in_flight);
  Slot slot = dispatcher_.SlotOf(request.args[keys_[0].index]);
  bool is_one_slot = std::all_of(keys_.begin(), keys_.end(), [&](const auto& key) {
    return dispatcher_.SlotOf(request.args[key.index]) == slot;
  });
  if (plan.reads_more != nullptr && ReadsMore(request, plan)) {
    Start(plan.start_reading_more, request, in_flight);
  } else if (is_one_slot && plan.script_use != ScriptUse::kNone) {
    SendScript(request, plan, slot, in_flight);
  } else if (is_one_slot) {
    SendOrBlock(request, plan, slot, in_flight);
  } else if (plan.route == Route::kSplit && MaySplit(plan)) {
    Split(request, plan, in_flight);
  } else if (plan.start_across_slots != nullptr && MayCrossSlots(plan.across_slots_writes) &&
             !Blocks(request)) {
    Start(plan.start_across_slots, request, in_flight);
  } else {
    AnswerError(in_flight, protocol::error_text::kCrossSlot);
  }
}

// Scripts and functions without keys: there is no slot to go to. One master is always the same one,
// so that a client finds again what its last script did.
void Router::RouteKeyless(const Request& request, const RequestPlan& plan, InFlight in_flight) {
  const auto& slots = dispatcher_.SlotOfEachMaster();
  if (plan.is_learned) {
    SendOrBlock(request, plan, slots.empty() ? Slot{0} : slots.front(), in_flight);
  } else if (!plan.may_lack_keys) {
    AnswerError(in_flight, UnsupportedText(request.spec->name, " without keys"));
  } else if (settings_.routing.keyless_scripts == config::KeylessScripts::kOff) {
    AnswerError(in_flight, kKeylessScriptsOff);
  } else if (settings_.routing.keyless_scripts == config::KeylessScripts::kAll) {
    SendToAllShards(request, plan, in_flight);
  } else {
    SendScript(request, plan, slots.empty() ? Slot{0} : slots.front(), in_flight);
  }
}

void Router::SendScript(const Request& request, const RequestPlan& plan, Slot slot,
                        InFlight in_flight) {
  if (plan.script_use == ScriptUse::kNone) return SendWhole(request, slot, in_flight);
  in_flight.slot = last_slot_ = slot;
  if (!in_flight.is_readonly) in_flight.queue->NoteWrite(slot);
  if (plan.script_use == ScriptUse::kDigest) {
    dispatcher_.SendByDigest(request.bytes, in_flight);
  } else {
    dispatcher_.SendScriptText(request.args, request.bytes, in_flight);
  }
}

// MSET over several slots is not atomic.
bool Router::MaySplit(const RequestPlan& plan) const {
  return settings_.routing.split_mset || plan.args_per_key == 1;
}

// Where there are no slots, a server reads whatever it likes.
bool Router::ReadsMore(const Request& request, const RequestPlan& plan) const {
  bool writes = std::any_of(keys_.begin(), keys_.end(), [](const auto& key) {
    return key.flags.Has(protocol::KeyFlag::kOverwrite);
  });
  return dispatcher_.HasSlots() && MayCrossSlots(writes) && plan.reads_more(request.args);
}

bool Router::MayCrossSlots(bool writes) const {
  switch (settings_.routing.cross_slot) {
    case config::CrossSlot::kOff:
      return false;
    case config::CrossSlot::kReads:
      return !writes;
    case config::CrossSlot::kAll:
      break;
  }
  return true;
}

void Router::Split(const Request& request, const RequestPlan& plan, InFlight in_flight) {
  // MSET with a value missing would be cut into parts that look whole.
  if ((request.args.size() - plan.first_key) % plan.args_per_key != 0) {
    AnswerError(in_flight, protocol::error_text::WrongArity(request.spec->name));
    return;
  }
  // By slot, in the order of the slots' numbers; within a part in the order of the request.
  std::map<Slot, std::vector<std::uint32_t>> keys_of_slot;
  for (std::uint32_t i = 0; i < keys_.size(); ++i) {
    keys_of_slot[dispatcher_.SlotOf(request.args[keys_[i].index])].push_back(i);
  }
  ReplyQueue& queue = *in_flight.queue;
  ReplyMerger* merger = ReplyMerger::New(plan.merge, queue, in_flight.place, keys_of_slot.size());
  in_flight.kind = InFlight::Kind::kPart;
  in_flight.taker = merger;
  // The merger frees itself with the last answer, which may come while the parts are sent.
  std::size_t part = 0;
  for (const auto& [slot, keys] : keys_of_slot) {
    merger->Join().SetName(part, "slot " + std::to_string(protocol::ToInt(slot)));
    if (plan.merge == MergeRule::kByKeyOrder) merger->Join().SetKeyPlaces(part, keys);
    ++part;
  }
  std::string bytes;
  std::vector<std::string_view> part_args;
  in_flight.place = 0;
  for (const auto& [slot, keys] : keys_of_slot) {
    part_args.assign(request.args.begin(), request.args.begin() + plan.first_key);
    for (std::uint32_t key : keys) {
      auto first = request.args.begin() + keys_[key].index;
      part_args.insert(part_args.end(), first, first + plan.args_per_key);
    }
    bytes.clear();
    protocol::StringSink sink{bytes};
    protocol::WriteRequest(sink, std::span<const std::string_view>(part_args));
    in_flight.slot = last_slot_ = slot;
    if (!in_flight.is_readonly) queue.NoteWrite(slot);
    dispatcher_.Send(bytes, in_flight);
    ++in_flight.place;
  }
}

void Router::SendToAnyShard(const Request& request, InFlight in_flight) {
  const std::vector<Slot>& slots = dispatcher_.SlotOfEachMaster();
  // One that can answer now, the first of them: always the same, as long as it can.
  auto ready = std::find_if(slots.begin(), slots.end(), [&](Slot slot) {
    return dispatcher_.ReadyConnection(slot, in_flight.lane) != nullptr;
  });
  Slot first = slots.empty() ? Slot{0} : slots.front();
  SendWhole(request, ready == slots.end() ? first : *ready, in_flight);
}

void Router::SendToAllShards(const Request& request, const RequestPlan& plan, InFlight in_flight) {
  if (plan.script_use != ScriptUse::kNone) return RunScriptEverywhere(request, plan, in_flight);
  FanOut::Manner manner;
  manner.rule = plan.merge;
  manner.is_readonly = plan.is_readonly;
  FanOut::Start({dispatcher_, settings_, request, *in_flight.queue, in_flight.place,
                 in_flight.lane}, manner);
}

// A script without keys. A copy of the slots: an answer that comes at once may change the map.
void Router::RunScriptEverywhere(const Request& request, const RequestPlan& plan,
                                 InFlight in_flight) {
  std::vector<Slot> slots = dispatcher_.SlotOfEachMaster();
  if (slots.empty()) {
    AnswerError(in_flight, protocol::error_text::kClusterDown);
    return;
  }
  ReplyQueue& queue = *in_flight.queue;
  in_flight.kind = InFlight::Kind::kPart;
  in_flight.taker = ReplyMerger::New(plan.merge, queue, in_flight.place, slots.size());
  in_flight.place = 0;
  for (Slot slot : slots) {
    in_flight.slot = slot;
    if (!in_flight.is_readonly) queue.NoteWrite(slot);
    if (plan.script_use == ScriptUse::kDigest) {
      dispatcher_.SendByDigest(request.bytes, in_flight);
    } else {
      dispatcher_.SendScriptText(request.args, request.bytes, in_flight);
    }
    ++in_flight.place;
  }
}

}  // namespace slotway::proxy
