// SPDX-License-Identifier: Apache-2.0
#include "proxy/operations/slow_requests_reply.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "protocol/resp_writer.h"

namespace slotway::proxy {
namespace {

using Writer = protocol::RespWriter<protocol::StringSink>;

// An entry of a shard's log: id, time, microseconds, arguments, address, name. A slotway-shard gives
// the name of a proxy's connection with the request's number on it: see RequestIdOf().
constexpr std::size_t kFields = 6;

class SlowRequestsReply final : public Operation {
 public:
  SlowRequestsReply(const OperationContext& context, std::vector<SlowRequest> requests)
      : Operation(context), requests_(std::move(requests)) {}

  void Begin() {
    std::vector<protocol::Slot> slots;
    for (protocol::Slot slot : Dispatch().SlotOfEachMaster()) {
      if (Dispatch().ReadyConnection(slot, OwnLane()) != nullptr) slots.push_back(slot);
    }
    if (slots.empty() || requests_.empty()) return Answer();
    left_ = slots.size();
    for (std::size_t part = 0; part < slots.size(); ++part) {
      Send(slots[part], {"SLOWLOG", "GET", "-1"}, part, true);
    }
  }

  void OnReply(std::size_t, std::string_view reply) override {
    std::vector<std::string_view> entries, fields;
    if (protocol::SplitArray(reply, entries)) {
      for (std::string_view entry : entries) {
        fields.clear();
        if (!protocol::SplitArray(entry, fields) || fields.size() < kFields) continue;
        auto microseconds = protocol::ParseIntegerReply(fields[2]);
        auto name = protocol::ParseRespValue(fields[5]);
        if (microseconds && name) shard_us_[name->text] = static_cast<std::uint64_t>(*microseconds);
      }
    }
    if (--left_ == 0) Answer();
  }

 private:
  void Answer() {
    std::string reply;
    protocol::StringSink sink{reply};
    Writer writer(sink, Version());
    writer.Array(requests_.size());
    for (const SlowRequest& request : requests_) Write(request, writer);
    Finish(reply);
  }

  void Write(const SlowRequest& request, Writer& writer) const {
    const auto text = [&](std::string_view name, std::string_view value) {
      writer.Bulk(name);
      writer.Bulk(value);
    };
    const auto number = [&](std::string_view name, std::uint64_t value) {
      writer.Bulk(name);
      writer.Integer(static_cast<std::int64_t>(value));
    };
    auto found = shard_us_.find(request.request_id);
    std::optional<std::uint64_t> shard_us;
    if (found != shard_us_.end()) shard_us = std::min(found->second, request.times.wait_us);
    constexpr std::int64_t kUsPerSecond = 1'000'000;
    writer.Map(13);
    text("id", request.request_id);
    number("time", static_cast<std::uint64_t>(request.time_us / kUsPerSecond));
    number("client_id", request.client.id);
    text("client", request.client.address);
    text("client_name", request.client.name);
    text("user", request.client.user);
    writer.Bulk("command");
    writer.Array(request.args.size());
    for (const std::string& arg : request.args) writer.Bulk(arg);
    text("node", request.node);
    number("reply_bytes", request.reply_bytes);
    number("total_us", request.times.total_us);
    number("proxy_us", request.times.proxy_us);
    number("wait_us", request.times.wait_us - shard_us.value_or(0));
    writer.Bulk("shard_us");
    shard_us ? writer.Integer(static_cast<std::int64_t>(*shard_us)) : writer.Null();
  }

  std::vector<SlowRequest> requests_;
  std::map<std::string, std::uint64_t, std::less<>> shard_us_;
  std::size_t left_ = 0;
};

}  // namespace

void ReplySlowRequests(const OperationContext& context, std::vector<SlowRequest> requests) {
  (new SlowRequestsReply(context, std::move(requests)))->Begin();
}

}  // namespace slotway::proxy
