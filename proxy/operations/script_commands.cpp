// SPDX-License-Identifier: Apache-2.0
// SCRIPT, as far as one shard's answer is not the answer; and stopping functions, which is the same.
//
// Scripts and functions have to be known wherever a key may be, so loading goes to all masters. The
// proxy remembers scripts besides: a shard that lacks one gets it when it is needed.
#include <algorithm>
#include <string>
#include <vector>

#include "protocol/resp_array.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/operation.h"
#include "proxy/routing/trouble_texts.h"

namespace slotway::proxy {
namespace {

using protocol::StringSink;
using Words = std::vector<std::string>;

struct Answers {
  const Words& request;
  const Words& replies;  // one per master, encoded
  ScriptMemory& scripts;
};
using JoinAnswers = std::string (*)(const Answers&);

// The same request to every master.
class MastersOperation final : public Operation {
 public:
  MastersOperation(const OperationContext& context, JoinAnswers join)
      : Operation(context), request_(context.request.args.begin(), context.request.args.end()),
        join_(join), is_readonly_(!context.request.spec->IsWrite()) {}

  void Begin() {
    if (MasterCount() == 0) return FinishWithError(trouble_text::kUnreachable);
    replies_.resize(MasterCount());
    replies_left_ = replies_.size();
    std::vector<std::string_view> words(request_.begin(), request_.end());
    SendToEachMaster(words, is_readonly_);
  }
  void OnReply(std::size_t part, std::string_view reply) override {
    replies_[part] = reply;
    if (--replies_left_ == 0) Finish(join_({request_, replies_, Dispatch().Scripts()}));
  }

 private:
  Words request_;
  JoinAnswers join_;
  bool is_readonly_;
  Words replies_;
  std::size_t replies_left_ = 0;
};

bool IsError(const std::string& reply) { return reply.starts_with('-'); }

// The first error, or else the first reply.
const std::string& FirstError(const Words& replies) {
  auto error = std::find_if(replies.begin(), replies.end(), IsError);
  return error == replies.end() ? replies.front() : *error;
}

std::string JoinLoad(const Answers& answers) {
  const std::string& reply = FirstError(answers.replies);
  if (!IsError(reply)) answers.scripts.Remember(answers.request[2]);
  return reply;
}

std::string JoinFlush(const Answers& answers) {
  const std::string& reply = FirstError(answers.replies);
  if (!IsError(reply)) answers.scripts.Clear();
  return reply;
}

// A script that every master knows is there; so is one that the proxy would load.
std::string JoinExists(const Answers& answers) {
  const std::string& error = FirstError(answers.replies);
  if (IsError(error)) return error;
  std::size_t count = answers.request.size() - 2;
  std::vector<bool> is_known(count, true);
  for (const std::string& reply : answers.replies) {
    std::vector<std::string_view> flags;
    protocol::SplitArray(reply, flags);
    for (std::size_t i = 0; i < count; ++i) {
      bool is_here = i < flags.size() && protocol::ParseIntegerReply(flags[i]) == 1;
      is_known[i] = is_known[i] && is_here;
    }
  }
  std::string reply;
  StringSink sink{reply};
  protocol::RespWriter<StringSink> writer(sink, protocol::RespVersion::kResp2);
  writer.Array(count);
  for (std::size_t i = 0; i < count; ++i) {
    bool is_remembered = answers.scripts.Find(answers.request[i + 2]) != nullptr;
    writer.Integer(is_known[i] || is_remembered ? 1 : 0);
  }
  return reply;
}

// One that was stopped is enough; that one could not be is more important than that others had
// nothing to stop.
std::string JoinKill(const Answers& answers) {
  const Words& replies = answers.replies;
  for (const std::string& reply : replies) {
    if (!IsError(reply)) return reply;
  }
  auto telling = std::find_if(replies.begin(), replies.end(), [](const std::string& reply) {
    return !reply.starts_with("-NOTBUSY ");
  });
  return telling == replies.end() ? replies.front() : *telling;
}

template <JoinAnswers kJoin>
void AskMasters(const OperationContext& context) {
  (new MastersOperation(context, kJoin))->Begin();
}

// One master's answer, as it is.
class OneMasterOperation final : public Operation {
 public:
  using Operation::Operation;
  void Begin(Args request) {
    const auto& slots = Dispatch().SlotOfEachMaster();
    Send(slots.empty() ? protocol::Slot{0} : slots.front(), request, 0, true);
  }
  void OnReply(std::size_t, std::string_view reply) override { Finish(reply); }
  void Say(std::string_view reply) { Finish(reply); }
  void Refuse(std::string_view text) { FinishWithError(text); }
};

void AskOneMaster(const OperationContext& context) {
  (new OneMasterOperation(context))->Begin(context.request.args);
}

void ShowScript(const OperationContext& context) {
  ScriptMemory::Text text = context.dispatcher.Scripts().Find(context.request.args[2]);
  if (text == nullptr) return AskOneMaster(context);
  std::string reply;
  StringSink sink{reply};
  protocol::RespWriter<StringSink>(sink, context.lane.Version()).Bulk(*text);
  (new OneMasterOperation(context))->Say(reply);
}

void RefuseToDebug(const OperationContext& context) {
  (new OneMasterOperation(context))
      ->Refuse("ERR SCRIPT DEBUG stops a whole shard: debug scripts on a server of your own");
}

bool Always(std::span<const std::string_view>) { return true; }

constexpr Composition kCompositions[] = {
    {.full_name = "script|load", .always = AskMasters<JoinLoad>},
    {.full_name = "script|exists", .always = AskMasters<JoinExists>},
    {.full_name = "script|flush", .always = AskMasters<JoinFlush>},
    {.full_name = "script|kill", .always = AskMasters<JoinKill>},
    {.full_name = "script|show", .always = ShowScript},
    {.full_name = "script|debug", .always = RefuseToDebug},
    {.full_name = "function|kill", .always = AskMasters<JoinKill>, .suits_lone_shard = Always},
};

}  // namespace

std::span<const Composition> ScriptCompositions() { return kCompositions; }

}  // namespace slotway::proxy
