// SPDX-License-Identifier: Apache-2.0
// WAIT and WAITAOF: how many replicas, or disks, have what this client wrote.
//
// A shard counts for the connection that asks, from the last command that ran there. So each master
// of a slot that the client has written to gets a PING and then the question, on a connection of
// its own: the answer then covers all writes up to the PING, of which the client's are some. The
// smallest answer is the reply. Who has written nothing is told about all masters.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ascii.h"
#include "protocol/resp_array.h"
#include "protocol/resp_writer.h"
#include "proxy/operations/compositions.h"
#include "proxy/operations/private_call.h"

namespace slotway::proxy {
namespace {

class WaitCall final : public PrivateCall {
 public:
  static void Start(const OperationContext& context) {
    std::vector<protocol::Slot> slots = context.dispatcher.SlotOfEachOwner([&](auto slot) {
      return !context.queue.HasWritten() || context.queue.MayHaveWritten(slot);
    });
    (new WaitCall(context, slots))->Begin();
  }

 private:
  WaitCall(const OperationContext& context, const std::vector<protocol::Slot>& slots)
      : PrivateCall(context, slots) {
    if (context.is_nested) AskForWhatIs();
  }

  // How many there are now: nobody has to be waited for.
  void AskForWhatIs() {
    for (std::size_t i = 1; i + 1 < Words().size(); ++i) {
      if (protocol::ParseInteger(Words()[i])) Words()[i] = "0";
    }
  }

  std::string Preface() const override {
    std::string bytes;
    protocol::StringSink sink{bytes};
    protocol::WriteRequest(sink, std::span<const std::string_view>(std::array{
                                     std::string_view("PING")}));
    return bytes;
  }
  void OnLegReply(std::string_view reply, std::size_t left) override {
    if (reply.starts_with('-')) return End(reply);
    Fold(reply);
    if (left == 0) End(Result());
  }
  bool IsOfReplica(std::string_view reply) const override {
    return reply.find(" cannot be used with replica instances") != std::string_view::npos;
  }
  std::string TimeoutReply() const override { return Result(0); }

  // An integer, or an array of integers: the smallest of each.
  void Fold(std::string_view reply) {
    std::vector<std::string_view> elements;
    is_array_ = protocol::SplitArray(reply, elements);
    if (!is_array_) elements = {reply};
    if (counts_.empty()) counts_.resize(elements.size(), INT64_MAX);
    for (std::size_t i = 0; i < std::min(counts_.size(), elements.size()); ++i) {
      auto count = protocol::ParseIntegerReply(elements[i]).value_or(0);
      counts_[i] = std::min(counts_[i], count);
    }
  }
  // No count of it above `most`: of a shard that has not answered nothing is known.
  std::string Result(std::int64_t most = INT64_MAX) const {
    std::string reply;
    protocol::StringSink sink{reply};
    protocol::RespWriter<protocol::StringSink> writer(sink, Version());
    if (is_array_) writer.Array(counts_.size());
    for (std::int64_t count : counts_) writer.Integer(std::min(count, most));
    if (counts_.empty()) writer.Integer(most);
    return reply;
  }

  std::vector<std::int64_t> counts_;
  bool is_array_ = false;
};

constexpr std::array kCompositions = {
    Composition{.full_name = "wait", .always = WaitCall::Start, .needs_quiet = true},
    Composition{.full_name = "waitaof", .always = WaitCall::Start, .needs_quiet = true},
};

}  // namespace

std::span<const Composition> WaitCompositions() { return kCompositions; }

}  // namespace slotway::proxy
