// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/info_gather.h"

#include <memory>
#include <utility>

#include "protocol/error_text.h"
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
        bytes_(context.request.bytes),
        words_(context.request.args.begin() + 1, context.request.args.end()),
        own_(std::move(own)),
        slots_(context.dispatcher.SlotOfEachMaster()),
        texts_(slots_.size()),
        deadline_(context.dispatcher.Loop()) {}
  ~Info() override {
    waiter_->info = nullptr;
    Dispatch().CancelAwait(*this);
  }

  void Begin() {
    waiter_->info = this;
    awaited_ = 1;  // itself: shards that have long been out of reach are known at once
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      if (Dispatch().OwnerIndex(slots_[i]) == kNoNodeIndex) continue;
      ++awaited_;
      // Of a connection that was not wanted before, as after SELECT, only that it opens is awaited.
      if (!Ask(i)) {
        Dispatch().Await(slots_[i], OwnLane(), *this, i, protocol::error_text::kClusterDown, 0,
                         waiting_since_ms_);
      }
    }
    if (--awaited_ == 0) return Answer();
    deadline_.Start(Settings().routing.info_wait_ms, 0, [this] { Answer(); });
  }

  void Take(std::size_t number, std::string_view reply) {
    auto value = protocol::ParseRespValue(reply);
    if (value && value->IsText()) texts_[number] = std::move(value->text);
    if (--awaited_ == 0) Answer();
  }
  // It cannot be asked.
  void OnReply(std::size_t number, std::string_view) override { Take(number, {}); }
  void OnShardReady(std::size_t number) override {
    if (!Ask(number)) Take(number, {});
  }

 private:
  // False if the shard cannot be sent to now.
  bool Ask(std::size_t number) {
    auto probe = std::make_unique<Probe>(waiter_, number);
    InFlight request;
    request.kind = InFlight::Kind::kPart;
    request.taker = probe.get();
    request.slot = slots_[number];
    request.is_readonly = true;
    request.lane = OwnLane();
    const NodeIndex node = Dispatch().OwnerIndex(slots_[number]);
    if (node == kNoNodeIndex || !Dispatch().SendToNode(node, bytes_, request)) return false;
    probe.release();  // frees itself when the answer has come, or the connection ended
    return true;
  }

  void Answer() {
    std::erase(texts_, std::string());
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink>(sink, Version())
        .Verbatim("txt", MergeInfo(texts_, own_, words_));
    Finish(reply);
  }

  std::string bytes_;
  std::vector<std::string> words_;
  std::vector<OwnInfoField> own_;
  std::vector<protocol::Slot> slots_;  // one of each master
  std::vector<std::string> texts_;
  std::uint32_t waiting_since_ms_ = 0;
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
  (new Info(context, std::move(own)))->Begin();
}

}  // namespace slotway::proxy
