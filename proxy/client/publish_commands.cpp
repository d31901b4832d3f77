// SPDX-License-Identifier: Apache-2.0
// PUBLISH, SPUBLISH and PUBSUB: the shards' answers, corrected by what only the proxy knows.
//
// A shard counts the proxy's one upstream subscription of a worker, not the clients behind it.
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "protocol/error_text.h"
#include "protocol/glob.h"
#include "protocol/resp_array.h"
#include "protocol/resp_reply_value.h"
#include "proxy/client/client_session.h"
#include "proxy/pubsub/pubsub_hub.h"
#include "proxy/routing/operation.h"
#include "proxy/routing/redirect.h"

namespace slotway::proxy {
namespace {

constexpr std::string_view kOutcomeUnknown =
    "OUTCOMEUNKNOWN The connection to the shard was lost after the message was sent: it may or "
    "may not have been published";

// Waits for the number of receivers of one message.
class Publication final : public ReplyTaker {
 public:
  Publication(LocalCall& call, ReplyQueue::Sequence place, TopicKind kind)
      : ReplyTaker(call.session.Replies(), place),
        services_(call.session.Services()),
        kind_(kind),
        channel_(call.args[1]) {
    const SessionState& state = call.session.State();
    request_.kind = InFlight::Kind::kPart;
    request_.taker = this;
    request_.command = protocol::IdOf(call.spec);
    request_.lane =
        Lane(state.resp, state.database).WithSlow(call.session.IsOnSlowLane());
    protocol::StringSink sink{bytes_};
    protocol::WriteRequest(sink, call.args);
  }

  void Send(bool is_listening) {
    // Somebody who hears its own messages hears them in their place among its replies.
    PubsubLink* link = services_.pubsub.HomeLink();
    if (kind_ != TopicKind::kShard && is_listening && link != nullptr) {
      node_ = link->Address().ToString();
      request_.is_raw = true;
      return link->Send(bytes_, request_);
    }
    std::optional<runtime::SocketAddress> node;
    if (kind_ != TopicKind::kShard) node = services_.pubsub.PublishAt();
    if (!node) return SendToOwner();
    node_ = node->ToString();
    request_.is_raw = true;
    if (!services_.dispatcher.SendToNode(*node, bytes_, request_)) SendToOwner();
  }

  void OnReply(std::size_t, std::string_view reply) override {
    auto receivers = protocol::ParseIntegerReply(reply);
    if (!receivers) {
      bool is_to_be_sent_again =
          request_.is_raw && JudgeErrorReply(reply) != ReplyVerdict::kForClient;
      return is_to_be_sent_again ? SendToOwner() : Finish(reply);
    }
    const PubsubCensus& census = services_.pubsub.Census();
    std::int64_t others = *receivers - census.OwnReceivers(kind_, channel_, node_);
    std::string corrected;
    protocol::StringSink sink{corrected};
    protocol::RespWriter<protocol::StringSink>(sink, protocol::RespVersion::kResp2)
        .Integer(std::max<std::int64_t>(others, 0) + census.Receivers(kind_, channel_));
    Finish(corrected);
  }

  void OnLost(std::size_t, bool may_have_run) override {
    if (!may_have_run) return SendToOwner();
    InFlight request = request_;
    AnswerError(request, kOutcomeUnknown);
  }

 private:
  // Waits for it if need be.
  void SendToOwner() {
    Dispatcher& dispatcher = services_.dispatcher;
    request_.is_raw = false;
    request_.slot =
        kind_ == TopicKind::kShard ? dispatcher.SlotOf(channel_) : services_.pubsub.PublishSlot();
    if (auto owner = dispatcher.OwnerOf(request_.slot)) node_ = owner->ToString();
    // The last that is done here: the answer may come at once.
    dispatcher.Send(bytes_, request_);
  }
  void Finish(std::string_view reply) {
    Queue().Deliver(Sequence(), reply);
    delete this;
  }

  WorkerServices& services_;
  TopicKind kind_;
  std::string channel_;
  std::string node_;  // that counts the receivers
  std::string bytes_;
  InFlight request_;
};

template <TopicKind kKind>
void Publish(LocalCall& call) {
  bool is_listening = call.session.HasSubscriptions();
  (new Publication(call, call.session.OpenPlace(), kKind))->Send(is_listening);
}

// Asks every master and joins the answers.
class PubsubQuery : public Operation {
 public:
  PubsubQuery(const OperationContext& context, const PubsubCensus& census, TopicKind kind)
      : Operation(context), census_(census), kind_(kind) {
    args_.assign(context.request.args.begin(), context.request.args.end());
  }

  void Begin() {
    for (protocol::Slot slot : Dispatch().SlotOfEachMaster()) {
      auto owner = Dispatch().OwnerOf(slot);
      nodes_.push_back(owner ? owner->ToString() : std::string());
    }
    replies_.resize(nodes_.size());
    missing_ = nodes_.size();
    if (nodes_.empty()) return FinishWithError(protocol::error_text::kClusterDown);
    std::vector<std::string> kept = args_;  // an answer may come at once, and be the last
    std::vector<std::string_view> views(kept.begin(), kept.end());
    SendToEachMaster(views, true);
  }

  void OnReply(std::size_t part, std::string_view reply) override {
    auto value = protocol::ParseRespValue(reply);
    if (value) replies_[part] = std::move(*value);
    if (--missing_ > 0) return;
    for (const protocol::RespValue& each : replies_) {
      if (each.IsError()) return FinishWithError(each.text);
    }
    std::string joined;
    protocol::StringSink sink{joined};
    LocalWriter writer(sink, Version());
    Join(writer);
    Finish(joined);
  }

 protected:
  virtual void Join(LocalWriter& writer) = 0;

  const PubsubCensus& census_;
  TopicKind kind_;
  std::vector<std::string> args_;
  std::vector<std::string> nodes_;
  std::vector<protocol::RespValue> replies_;  // in the order of nodes_

 private:
  std::size_t missing_ = 0;
};

class ChannelsQuery final : public PubsubQuery {
 public:
  using PubsubQuery::PubsubQuery;
  void Join(LocalWriter& writer) override {
    std::set<std::string_view> names;
    for (const protocol::RespValue& reply : replies_) {
      for (const protocol::RespValue& name : reply.elements) names.insert(name.text);
    }
    // The proxy's own channel is known to no shard.
    if (kind_ == TopicKind::kChannel && census_.Members(kind_, kInvalidateChannel) > 0 &&
        (args_.size() < 3 || protocol::GlobMatches(args_[2], kInvalidateChannel))) {
      names.insert(kInvalidateChannel);
    }
    writer.Array(names.size());
    for (std::string_view name : names) writer.Bulk(name);
  }
};

class CountQuery final : public PubsubQuery {
 public:
  using PubsubQuery::PubsubQuery;
  void Join(LocalWriter& writer) override {
    writer.Array(2 * (args_.size() - 2));
    for (std::size_t i = 2; i < args_.size(); ++i) {
      std::size_t at = 2 * (i - 2) + 1;
      std::int64_t others = -census_.OwnLinks(kind_, args_[i]);
      for (const protocol::RespValue& reply : replies_) {
        if (at < reply.elements.size()) others += reply.elements[at].integer;
      }
      writer.Bulk(args_[i]);
      writer.Integer(std::max<std::int64_t>(others, 0) + census_.Members(kind_, args_[i]));
    }
  }
};

// Patterns are counted by name at each node; nodes do not tell the names, so that one that direct
// clients of several nodes use counts several times.
class PatternCountQuery final : public PubsubQuery {
 public:
  using PubsubQuery::PubsubQuery;
  void Join(LocalWriter& writer) override {
    auto count = static_cast<std::int64_t>(census_.Names(TopicKind::kPattern));
    for (std::size_t i = 0; i < replies_.size(); ++i) {
      auto own = static_cast<std::int64_t>(census_.OwnNamesAt(TopicKind::kPattern, nodes_[i]));
      count += std::max<std::int64_t>(replies_[i].integer - own, 0);
    }
    writer.Integer(count);
  }
};

template <class Query, TopicKind kKind>
void Ask(LocalCall& call) {
  ClientSession& session = call.session;
  WorkerServices& services = session.Services();
  Request request{call.args, {}, &call.spec, protocol::IdOf(call.spec)};
  Lane lane(session.State().resp, session.State().database);
  auto* query = new Query(OperationContext{services.dispatcher, services.settings, request,
                                           session.Replies(), session.OpenPlace(), lane},
                          services.pubsub.Census(), kKind);
  services.pubsub.WhenSettled([query] { query->Begin(); });  // frees itself
}

void Help(LocalCall& call) {
  static constexpr std::string_view kLines[] = {
      "PUBSUB <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
      "CHANNELS [<pattern>]",
      "    Channels with subscribers, all or those that match a pattern.",
      "HELP",
      "    This text.",
      "NUMPAT",
      "    How many patterns are subscribed to.",
      "NUMSUB [<channel> ...]",
      "    How many subscribers each of the channels has, without patterns.",
      "SHARDCHANNELS [<pattern>]",
      "    Shard channels with subscribers, all or those that match a pattern.",
      "SHARDNUMSUB [<shardchannel> ...]",
      "    How many subscribers each of the shard channels has.",
  };
  call.reply.Array(std::size(kLines));
  for (std::string_view line : kLines) call.reply.SimpleString(line);
}

constexpr std::array kCommands = {
    LocalCommand{"publish", Publish<TopicKind::kChannel>, false, InTransaction::kQueued, false, true},
    LocalCommand{"spublish", Publish<TopicKind::kShard>, false, InTransaction::kQueued, false, true},
    LocalCommand{"pubsub|channels", Ask<ChannelsQuery, TopicKind::kChannel>},
    LocalCommand{"pubsub|shardchannels", Ask<ChannelsQuery, TopicKind::kShard>},
    LocalCommand{"pubsub|numsub", Ask<CountQuery, TopicKind::kChannel>},
    LocalCommand{"pubsub|shardnumsub", Ask<CountQuery, TopicKind::kShard>},
    LocalCommand{"pubsub|numpat", Ask<PatternCountQuery, TopicKind::kPattern>},
    LocalCommand{"pubsub|help", Help},
};

}  // namespace

std::span<const LocalCommand> PublishCommands() { return kCommands; }

}  // namespace slotway::proxy
