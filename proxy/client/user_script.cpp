// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/user_script.h"

#include <algorithm>
#include <utility>

#include "protocol/error_reply.h"
#include "protocol/error_text.h"
#include "protocol/key_extraction.h"
#include "proxy/client/script_denial.h"
#include "proxy/operations/private_call.h"
#include "proxy/routing/script_request.h"
#include "proxy/routing/trouble_texts.h"
#include "runtime/sha256.h"

namespace slotway::proxy {
namespace {

using protocol::Slot;

// One leg for each slot: several only for a script without keys that all masters run.
class ScriptCall final : public PrivateCall {
 public:
  // The session stays until it has its reply.
  ScriptCall(const OperationContext& context, const std::vector<Slot>& slots,
             ClientSession& session, Guise guise, bool shows_text)
      : PrivateCall(context, slots),
        session_(session),
        spec_(context.request.spec),
        slot_(slots[0]),
        guise_(std::move(guise)) {
    const auto& request = context.request;
    is_shown_ = shows_text && HasSoundKeyCount(request.args);
    if (is_shown_) Dispatch().Scripts().Remember(request.args[1]);
  }
  using PrivateCall::Begin;

 private:
  const Guise* AsWhom() const override { return &guise_; }
  void OnLegReply(std::string_view reply, std::size_t left) override {
    if (is_shown_ && IsScriptRefusal(reply)) Dispatch().Scripts().Forget(Words()[1]);
    const bool is_first_error = reply.starts_with('-') && !reply_.starts_with('-');
    if (reply_.empty() || is_first_error) reply_ = reply;
    if (left > 0) return;
    if (!ScriptDenialIn(reply_)) return End(std::string(reply_));
    const std::vector<std::string_view> args(Words().begin(), Words().end());
    const proxy::Request request{args, {}, spec_, protocol::IdOf(*spec_)};
    NoteAndDeliver({Dispatch(), Settings(), request, Queue(), Sequence(), OwnLane(), slot_},
                   session_, guise_.name, reply_);
    HandOver();
  }
  // It waits for nothing but its shard.
  std::string TimeoutReply() const override { return protocol::ErrorReplyOf(trouble_text::kUnreachable); }

  ClientSession& session_;
  const protocol::CommandSpec* spec_;  // of the command table
  Slot slot_;                          // of its keys, or the first of all masters
  Guise guise_;
  std::string reply_;
  bool is_shown_;  // its text is kept by the proxy, for those who know its digest
};

// EVALSHA of a script that the proxy knows: the shards are told it first, by the proxy itself, as the
// user may not be allowed to.
class ScriptLoading final : public Operation {
 public:
  ScriptLoading(const OperationContext& context, std::vector<Slot> slots, ClientSession& session,
                Guise guise)
      : Operation(context),
        session_(session),
        spec_(context.request.spec),
        words_(context.request.args.begin(), context.request.args.end()),
        slots_(std::move(slots)),
        left_(slots_.size()),
        guise_(std::move(guise)) {}

  void Begin(const std::string& text) {
    const std::vector<Slot> slots = slots_;  // the last answer may end the operation
    for (std::size_t i = 0; i < slots.size(); ++i) {
      Send(slots[i], {"SCRIPT", "LOAD", text}, i, true);
    }
  }
  // If one could not be told, it says so itself.
  void OnReply(std::size_t, std::string_view) override {
    if (--left_ > 0) return;
    const std::vector<std::string_view> args(words_.begin(), words_.end());
    const proxy::Request request{args, {}, spec_, protocol::IdOf(*spec_)};
    (new ScriptCall({Dispatch(), Settings(), request, Queue(), Sequence(), OwnLane(), slots_[0]},
                    slots_, session_, std::move(guise_), false))
        ->Begin();
    delete this;
  }

 private:
  ClientSession& session_;
  const protocol::CommandSpec* spec_;
  std::vector<std::string> words_;
  std::vector<Slot> slots_;
  std::size_t left_;
  Guise guise_;
};

// Where it runs, or why it does not.
tl::expected<std::vector<Slot>, std::string_view> SlotsOf(const Dispatcher& dispatcher,
                                                          const Request& request,
                                                          config::KeylessScripts keyless) {
  std::vector<protocol::KeyPosition> keys;
  const auto error = protocol::ExtractKeys(*request.spec, request.args, keys);
  const auto& masters = dispatcher.SlotOfEachMaster();
  const Slot any = masters.empty() ? Slot{0} : masters.front();
  // Not a syntax that we know: a shard says what is wrong with it.
  if (error != protocol::KeyExtractionError::kNone) return std::vector{any};
  if (keys.empty()) {
    if (keyless == config::KeylessScripts::kOff) return tl::unexpected(Router::kKeylessScriptsOff);
    const bool is_for_all = keyless == config::KeylessScripts::kAll && !masters.empty();
    return is_for_all ? masters : std::vector{any};
  }
  const Slot slot = dispatcher.SlotOf(request.args[keys[0].index]);
  const bool is_one_slot = std::all_of(keys.begin(), keys.end(), [&](const auto& key) {
    return dispatcher.SlotOf(request.args[key.index]) == slot;
  });
  if (!is_one_slot) return tl::unexpected(protocol::error_text::kCrossSlot);
  return std::vector{slot};
}

}  // namespace

Guise GuiseOf(const protocol::AclUser& user, std::string_view secret) {
  constexpr std::size_t kNameDigits = 24;
  const std::string described = user.Describe();
  std::vector<std::string> rules;
  for (std::string_view rest = described; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    // Whether and how the client may log in is not the shard's business.
    const bool is_of_login = word == "on" || word == "off" || word == "nopass" || word[0] == '#' ||
                             word.ends_with("sanitize-payload");
    // Commands that no shard knows, and that no script may call.
    const bool is_proxys = word.substr(1).starts_with("slotway");
    if (!is_of_login && !is_proxys) rules.emplace_back(word);
  }
  std::string text;
  for (const std::string& rule : rules) text += rule + ' ';
  const std::string name = "slotway-" + runtime::Sha256Hex(text).substr(0, kNameDigits);
  const std::string password =
      runtime::Sha256Hex(name + ' ' + runtime::Sha256Hex(secret));
  // A slot that moves is followed by ASKING.
  std::vector<std::string> set = {"ACL", "SETUSER", name, "reset", "on", ">" + password};
  set.insert(set.end(), rules.begin(), rules.end());
  set.emplace_back("+asking");
  return {name, {std::move(set), {"AUTH", name, password}}};
}

void RunAsUser(ClientSession& session, const Request& request, Lane lane) {
  WorkerServices& services = session.Services();
  ReplyQueue& queue = session.Replies();
  const ReplyQueue::Sequence place = session.OpenPlace();
  const auto slots =
      SlotsOf(services.dispatcher, request, services.settings.routing.keyless_scripts);
  if (!slots) return queue.Deliver(place, protocol::ErrorReplyOf(slots.error()));
  auto known = services.guises.find(session.State().user);
  if (known == services.guises.end()) {
    known = services.guises
                .emplace(session.State().user,
                         GuiseOf(*session.State().user, services.settings.backend.password))
                .first;
  }
  Guise guise = known->second;
  const OperationContext context{services.dispatcher, services.settings, request, queue, place,
                                 lane.WithReadonly(false), slots->front()};
  const auto& plan = services.router.PlanOf(request.id);
  const ScriptMemory::Text text = plan.script_use == ScriptUse::kDigest
                                      ? services.dispatcher.Scripts().Find(request.args[1])
                                      : nullptr;
  if (text != nullptr) {
    (new ScriptLoading(context, *slots, session, std::move(guise)))->Begin(*text);
  } else {
    (new ScriptCall(context, *slots, session, std::move(guise),
                    plan.script_use == ScriptUse::kText))
        ->Begin();
  }
}

}  // namespace slotway::proxy
