// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/info_gather.h"

#include <memory>
#include <utility>

#include "protocol/resp_reply_value.h"

namespace slotway::proxy {
namespace {

class Info;

// Whom the answers are for, as long as it waits for them.
struct Waiter {
  Info* info = nullptr;
};

// One shard's answer. It outlives the INFO that gave it up: a shard that hangs answers late. So it
// stands in no client's queue, but in one of its own.
class Probe final : public ReplyTaker, private ReplyQueue::Owner {
 public:
  // shared: by an INFO and its probes, whoever lives longer.
  Probe(std::shared_ptr<Waiter> waiter, std::size_t number)
      : ReplyTaker(queue_, 0), queue_(*this, 0), waiter_(std::move(waiter)), number_(number) {}

  void OnReply(std::size_t part, std::string_view reply) override;
  void OnLost(std::size_t part, bool may_have_run) override;

 private:
  void OnReplyProgress() override {}
  void OnOutputUnusable(std::string_view) override {}

  ReplyQueue queue_;
  std::shared_ptr<Waiter> waiter_;  // shared: see above
  std::size_t number_;
};

class Info final : public Operation {
 public:
  Info(const OperationContext& context, std::vector<OwnInfoField> own)
      : Operation(context),
        words_(context.request.args.begin() + 1, context.request.args.end()),
        own_(std::move(own)),
        deadline_(context.dispatcher.Loop()) {}
  ~Info() override { waiter_->info = nullptr; }

  void Begin(std::string_view bytes) {
    waiter_->info = this;
    const auto& slots = Dispatch().SlotOfEachMaster();
    texts_.resize(slots.size());
    for (std::size_t i = 0; i < slots.size(); ++i) {
      auto probe = std::make_unique<Probe>(waiter_, i);
      InFlight request;
      request.kind = InFlight::Kind::kPart;
      request.taker = probe.get();
      request.slot = slots[i];
      request.is_readonly = true;
      request.lane = OwnLane();
      NodeIndex node = Dispatch().OwnerIndex(slots[i]);
      if (node == kNoNodeIndex || !Dispatch().SendToNode(node, bytes, request)) continue;
      probe.release();  // frees itself when the answer has come, or the connection ended
      ++awaited_;
    }
    if (awaited_ == 0) return Answer();
    deadline_.Start(Settings().routing.info_wait_ms, 0, [this] { Answer(); });
  }

  void Take(std::size_t number, std::string_view reply) {
    auto value = protocol::ParseRespValue(reply);
    if (value && value->IsText()) texts_[number] = std::move(value->text);
    if (--awaited_ == 0) Answer();
  }
  void OnReply(std::size_t, std::string_view) override {}

 private:
  void Answer() {
    std::erase(texts_, std::string());
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink>(sink, Version())
        .Verbatim("txt", MergeInfo(texts_, own_, words_));
    Finish(reply);
  }

  std::vector<std::string> words_;
  std::vector<OwnInfoField> own_;
  std::vector<std::string> texts_;
  std::size_t awaited_ = 0;
  // shared: see Probe.
  std::shared_ptr<Waiter> waiter_ = std::make_shared<Waiter>();
  runtime::Timer deadline_;
};

void Probe::OnReply(std::size_t, std::string_view reply) {
  if (waiter_->info != nullptr) waiter_->info->Take(number_, reply);
  delete this;
}

void Probe::OnLost(std::size_t part, bool) { OnReply(part, {}); }

}  // namespace

void GatherInfo(const OperationContext& context, std::vector<OwnInfoField> own) {
  (new Info(context, std::move(own)))->Begin(context.request.bytes);
}

}  // namespace slotway::proxy
