// SPDX-License-Identifier: Apache-2.0
// RANDOMKEY over all shards: every key with nearly the same chance, as each shard is chosen in
// proportion to its DBSIZE. A shard that has become empty meanwhile is passed over.
#include <vector>

#include "protocol/error_text.h"
#include "protocol/resp_array.h"
#include "proxy/operations/compositions.h"
#include "proxy/routing/operation.h"
#include "runtime/random.h"

namespace slotway::proxy {
namespace {

class RandomKey final : public Operation {
 public:
  using Operation::Operation;

  void Begin() {
    slots_ = Dispatch().SlotOfEachMaster();
    if (slots_.empty()) return FinishWithError(protocol::error_text::kClusterDown);
    sizes_.assign(slots_.size(), 0);
    sizes_left_ = slots_.size();
    // The last answer may end the operation while it is sent.
    std::vector<protocol::Slot> slots = slots_;
    for (std::size_t i = 0; i < slots.size(); ++i) Send(slots[i], {"DBSIZE"}, i, true);
  }

  void OnReply(std::size_t part, std::string_view reply) override {
    if (sizes_left_ == 0) return TakeKey(part - slots_.size(), reply);
    auto size = protocol::ParseIntegerReply(reply);
    if (size) {
      sizes_[part] = static_cast<std::uint64_t>(*size);
    } else if (error_.empty()) {
      error_ = reply;
    }
    if (--sizes_left_ == 0) AskOne();
  }

 private:
  void AskOne() {
    std::uint64_t total = 0;
    for (std::uint64_t size : sizes_) total += size;
    if (total == 0) return FinishEmpty();
    std::uint64_t chosen = runtime::SystemEntropy() % total;
    std::size_t shard = 0;
    while (chosen >= sizes_[shard]) chosen -= sizes_[shard++];
    Send(slots_[shard], {"RANDOMKEY"}, slots_.size() + shard, true);
  }

  void TakeKey(std::size_t shard, std::string_view reply) {
    if (reply.starts_with('-')) error_ = reply;
    bool has_key = reply.size() > 2 && reply[0] == '$' && reply[1] != '-';
    if (has_key) return Finish(reply);
    sizes_[shard] = 0;
    AskOne();
  }

  void FinishEmpty() {
    if (!error_.empty()) return Finish(std::string(error_));
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink>(sink, Version()).Null();
    Finish(reply);
  }

  std::vector<protocol::Slot> slots_;
  std::vector<std::uint64_t> sizes_;
  std::size_t sizes_left_ = 0;
  std::string error_;
};

}  // namespace

void StartRandomKey(const OperationContext& context) { (new RandomKey(context))->Begin(); }

}  // namespace slotway::proxy
