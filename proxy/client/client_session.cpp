// SPDX-License-Identifier: Apache-2.0
#include "proxy/client/client_session.h"

#include <utility>

#include "protocol/cross_protocol.h"
#include "protocol/error_text.h"
#include "proxy/client/listener_rules.h"
#include "proxy/client/tracking.h"
#include "proxy/client/transaction.h"
#include "proxy/client/user_rights.h"
#include "proxy/client/user_script.h"
#include "proxy/pubsub/pubsub_hub.h"
#include "proxy/reply/blocked_call.h"
#include "proxy/routing/exec_verdict.h"
#include "proxy/routing/script_request.h"

namespace slotway::proxy {
namespace {

// A request beyond this takes long to get to its shard.
constexpr std::size_t kLargeRequestBytes = 64 * 1024;

constexpr std::string_view kMonitorsHaveNoKeys = "ERR Replica can't interact with the keyspace";

bool IsLarge(const Request& request) { return request.bytes.size() >= kLargeRequestBytes; }

}  // namespace

ClientSession::ClientSession(std::unique_ptr<runtime::Connection> connection,
                             WorkerServices& services, std::uint64_t id, ClientOrigin origin)
    : services_(services),
      origin_(std::move(origin)),
      connection_(std::move(connection)),
      replies_(*this, services.settings.limits.client_output_max_bytes),
      read_order_(id) {
  replies_.Attach(*connection_);
  connection_->SetKeepalive(services.settings.tcp.keepalive_s);
  connection_->SetNodelay(services.settings.tcp.nodelay);
  state_.id = id;
  state_.connected_at_ms = state_.last_request_at_ms = services.loop.NowMs();
  BecomeFirstUser(*this);
  state_.ways = services.common_ways;
  has_listener_rules_ = HasListenerRules(*origin_.listener);
  ApplyParserLimits();
}

ClientSession::~ClientSession() = default;

void ClientSession::ApplySettings() {
  ApplyParserLimits();
  FollowPace();
  replies_.SetOutputMax(services_.settings.limits.client_output_max_bytes);
}

runtime::SocketAddress ClientSession::PeerAddress() const {
  if (origin_.forwarded != nullptr) return origin_.forwarded->client;
  return connection_ != nullptr ? connection_->PeerAddress() : runtime::SocketAddress();
}

runtime::SocketAddress ClientSession::LocalAddress() const {
  if (origin_.forwarded != nullptr) return origin_.forwarded->reached;
  return connection_ != nullptr ? connection_->LocalAddress() : runtime::SocketAddress();
}

void ClientSession::ApplyParserLimits() {
  const config::LimitsConfig& limits = services_.settings.limits;
  protocol::RequestLimits parser_limits;
  parser_limits.bulk_bytes_max = static_cast<std::int64_t>(limits.bulk_bytes_max);
  parser_limits.args_max = limits.args_max;
  parser_limits.is_authenticated = state_.is_authenticated;
  parser_.SetLimits(parser_limits);
}

Lane ClientSession::OwnLane() const {
  return Lane(state_.resp, state_.database)
      .WithSlow(is_on_slow_lane_)
      .WithNoTouch(state_.is_no_touch)
      .WithAcks(state_.acks);
}

ClientFacts ClientSession::Describe() const {
  return {state_.id, PeerAddress().ToString(), state_.name, state_.user->Name()};
}

// Of the request that was parsed last.
void ClientSession::FindCommand() {
  const auto args = parser_.Args();
  last_command_ = {.spec = protocol::FindCommand(args)};
  const protocol::CommandSpec* spec = last_command_.spec;
  if (spec == nullptr) return;
  last_command_.id = protocol::IdOf(*spec);
  // Which subcommand it is stands in the second argument.
  last_command_.is_all_said = spec->subcommands.empty() && spec->name.size() == args[0].size();
  const RequestPlan& plan = services_.router.PlanOf(last_command_.id);
  const bool is_plain = plan.is_plain && spec->ArityFits(args.size()) && !parser_.IsInline();
  if (is_plain) last_command_.plain_plan = &plan;
}

// Whether anything that Send() and those before it look at is unusual, but for the request itself.
void ClientSession::JudgePlainness() {
  is_plain_ = state_.is_authenticated && !has_listener_rules_ && state_.ways == 0 && !IsSilent() &&
              current_services_ == &services_ && ReadsFrom() == config::ReadPolicy::kPrimary &&
              !is_on_slow_lane_ && !has_large_replies_;
  plain_lane_ = OwnLane();
}

// What nearly every request needs, and nothing else. False if this one needs more.
// REQUIRES: is_plain_.
inline bool ClientSession::SendPlain(const Request& request) {
  const RequestPlan* plan = last_command_.plain_plan;
  if (plan == nullptr || IsLarge(request) || replies_.Outstanding() >= free_depth_) return false;
  state_.last_command = request.id;
  if (state_.is_restricted) {
    const std::string denial = DenialOf(*this, *request.spec, request.args);
    if (!denial.empty()) [[unlikely]] return Refuse(denial, request.spec);
  }
  if (!services_.router.SendToMaster(request, *plan, replies_, plain_lane_)) return false;
  services_.counters.requests.Add();
  if (services_.meter.IsDrawn()) [[unlikely]] DrawKey(request);
  return true;
}

inline bool ClientSession::HandleRequest(std::string_view bytes) {
  if (!parser_.RepeatsCommand() || !last_command_.is_all_said) FindCommand();
  const Request request{parser_.Args(), bytes, last_command_.spec, last_command_.id};
  if (is_plain_ && SendPlain(request)) [[likely]] return true;
  const bool is_taken = HandleInStages(request);
  JudgePlainness();
  return is_taken;
}

bool ClientSession::MayTakeRequest() {
  const std::size_t outstanding = replies_.Outstanding();
  if (outstanding >= window_) {
    window_ = Window();
    if (outstanding >= window_) return false;
  }
  return !replies_.HasHeldBack() && !waits_for_answers_ &&
         connection_->UnwrittenBytes() + replies_.EarlyBytes() <=
             services_.settings.limits.client_output_pause_bytes;
}

std::size_t ClientSession::TakeRequests(std::string_view input, std::size_t& requests_left) {
  services_.meter.TouchForClient(services_.loop.Turn());
  std::size_t taken = 0;
  has_large_replies_ = AreRepliesLarge();
  window_ = 0;  // asked for anew
  if (!std::exchange(is_amid_burst_, false) && replies_.Outstanding() == 0) BeginBurst();
  free_depth_ = FreeDepth();
  JudgePlainness();
  while (taken < input.size() && !is_closing_ && requests_left > 0) {
    if (!MayTakeRequest()) {
      is_amid_burst_ = true;
      Pause();
      break;
    }
    auto status = parser_.Parse(input.substr(taken));
    if (status == protocol::RespRequestParser::Status::kIncomplete) {
      std::size_t expected = input.size() - taken + parser_.BytesMissing();
      if (expected > services_.settings.limits.request_bytes_max) {
        FailProtocol("ERR Protocol error: request larger than request_bytes_max");
        break;
      }
      connection_->ExpectInput(expected);
      break;
    }
    if (status == protocol::RespRequestParser::Status::kError) {
      FailProtocol(parser_.ErrorText());
      break;
    }
    if (!HandleRequest(input.substr(taken, parser_.Consumed()))) {
      is_amid_burst_ = IsInLine();
      is_amid_burst_ ? Pause() : WaitForAnswers();
      break;
    }
    taken += parser_.Consumed();
    --requests_left;
  }
  if (claims_ != nullptr) claims_->GiveUpOffer();
  replies_.MarkBatchEnd();
  services_.counters.bytes_in.Add(taken);
  if (taken > 0) {
    state_.last_request_at_ms = services_.loop.NowMs();
    if (current_services_->router.IsLastShardCongested()) WaitForAnswers();
  }
  return is_closing_ ? input.size() : taken;
}

bool ClientSession::HandleInStages(const Request& as_read) {
  auto [args, bytes, spec, id] = as_read;
  if (args.empty()) return true;
  if (spec == nullptr && protocol::IsWebRequest(args)) {
    Cut("speaks HTTP");
    return true;
  }
  if (spec == nullptr) spec = FindLearned(args);
  if (spec == nullptr) return Refuse(protocol::error_text::UnknownCommand(args));
  if (!spec->subcommands.empty() && args.size() > 1) {
    return Refuse(protocol::error_text::UnknownSubcommand(spec->name, args[1]), spec);
  }
  if (!spec->ArityFits(args.size())) {
    return Refuse(protocol::error_text::WrongArity(spec->name), spec);
  }
  if (!state_.is_authenticated && !spec->flags.Has(protocol::CommandFlag::kNoAuth)) {
    return Refuse(protocol::error_text::kNoAuth, spec);
  }
  if (state_.is_restricted) [[unlikely]] {
    state_.last_command = protocol::IdOf(*spec);
    const std::string denial = DenialOf(*this, *spec, args);
    if (!denial.empty()) return Refuse(denial, spec);
  }

  id = protocol::IdOf(*spec);
  services_.audit.NoteCommand(*this, id, args);
  if (has_listener_rules_) {
    auto rule = ListenerRuleOf(*origin_.listener, id);
    bool is_queued = rule.is_refused_when_run && (state_.ways & kQueuesTransaction) != 0;
    if (!rule.refusal.empty() && !is_queued) return Refuse(rule.refusal);
    if (rule.instead != nullptr) {
      // The same request under another name.
      spec = rule.instead;
      id = protocol::IdOf(*spec);
      renamed_args_.assign(args.begin(), args.end());
      renamed_args_[0] = spec->name;
      args = renamed_args_;
      bytes = Rewrite(args);
    }
  }
  if (parser_.IsInline()) bytes = Rewrite(args);
  Request request{args, bytes, spec, id};
  return state_.ways == 0 ? Perform(request) : PerformUnusually(request);
}

bool ClientSession::Perform(const Request& request) {
  state_.last_command = request.id;
  if (const LocalCommand* command = FindLocalCommand(request.id)) {
    return AnswerLocally(*command, request);
  }
  return Send(request);
}

bool ClientSession::PerformUnusually(const Request& request) {
  const protocol::CommandSpec& spec = *request.spec;
  if ((state_.ways & kPaused) != 0 && IsHeldByPause(request)) {
    Postpone();
    return false;
  }
  bool touches_keys = spec.IsReadonly() || MayChangeReplicas(spec);
  if ((state_.ways & kMonitors) != 0 && touches_keys) return Refuse(kMonitorsHaveNoKeys, &spec);
  bool is_watched = (state_.ways & kIsWatched) != 0;
  if (!ChooseConnections(request)) return false;
  if (!Divert(request) && !Perform(request)) return false;
  EndCaching(request);
  if (is_watched) MonitorFeed::Show(services_, *this, request);
  return true;
}

bool ClientSession::IsHeldByPause(const Request& request) const {
  if (services_.pause.holds_all) return true;
  if (MayChangeReplicas(*request.spec)) {
    return !RunsReadonlyScript(request.args, services_.router.PlanOf(request.id),
                               services_.dispatcher.Scripts());
  }
  const LocalCommand* command = FindLocalCommand(request.id);
  bool executes = command != nullptr && command->in_transaction == InTransaction::kExecutes;
  return executes && transaction_ != nullptr && !transaction_->queue.IsReadonly();
}

std::string_view ClientSession::Rewrite(std::span<const std::string_view> args) {
  rewritten_.clear();
  protocol::StringSink sink{rewritten_};
  protocol::WriteRequest(sink, args);
  return rewritten_;
}

const protocol::CommandSpec* ClientSession::FindLearned(
    std::span<const std::string_view> args) {
  if (services_.learned != nullptr) {
    if (const protocol::CommandSpec* spec = services_.learned->Find(args)) {
      state_.last_learned = spec->name;
      return spec;
    }
  }
  services_.request_commands();
  return nullptr;
}

bool ClientSession::Divert(const Request& request) {
  if ((state_.ways & kListens) != 0) {
    const LocalCommand* command = FindLocalCommand(request.id);
    if (command == nullptr || !command->is_for_listeners) {
      return Refuse(protocol::error_text::NotWhileSubscribed(request.spec->name), request.spec);
    }
  }
  if ((state_.ways & SessionWays::kQueuesTransaction) != 0) return QueueInTransaction(request);
  return false;
}

void ClientSession::LeaveWays() {
  EndTransaction();
  if ((state_.ways & kMonitors) != 0) MonitorFeed::Leave(services_, state_.id);
  state_.ways = 0;
  if (replies_.Blocked() != nullptr) replies_.Blocked()->OnClientGone();
}

Transaction& ClientSession::OwnTransaction() {
  if (transaction_ == nullptr) transaction_ = std::make_unique<Transaction>();
  return *transaction_;
}

void ClientSession::SpoilQueued() {
  if ((state_.ways & SessionWays::kQueuesTransaction) != 0) transaction_->queue.MarkRefused();
}

void ClientSession::CheckQueuedAgain() {
  if ((state_.ways & SessionWays::kQueuesTransaction) != 0) transaction_->queue.MarkToBeChecked();
}

std::unique_ptr<Transaction> ClientSession::EndTransaction() {
  state_.ways &= static_cast<std::uint8_t>(~SessionWays::kQueuesTransaction);
  return std::move(transaction_);
}

bool ClientSession::QueueInTransaction(const Request& request) {
  const LocalCommand* command = FindLocalCommand(request.id);
  if (command != nullptr && !command->IsQueued()) return false;
  std::string error = transaction_->queue.Add(request, *current_services_);
  if (!error.empty()) return Refuse(error, request.spec);
  services_.counters.requests.Add();
  replies_.Deliver(OpenPlace(), "+QUEUED\r\n");  // wire: a constant reply
  return true;
}

void ClientSession::PerformNested(const Request& request, ReplyQueue& replies) {
  current_replies_ = &replies;
  std::string refusal;
  if (state_.is_restricted) refusal = DenialOf(*this, *request.spec, request.args);
  if (refusal.empty() && has_listener_rules_) {
    refusal = ListenerRuleOf(*origin_.listener, request.id).refusal;
  }
  std::string reply;
  if (!refusal.empty()) {
    protocol::StringSink sink{reply};
    LocalWriter(sink, state_.resp).Error(refusal);
  } else if (const LocalCommand* command = FindLocalCommand(request.id)) {
    RunLocally(*command, request, reply);
  } else {
    bool is_slow = services_.router.PlanOf(request.id).is_slow;
    Lane lane = Lane(state_.resp, state_.database).WithSlow(is_slow).WithAcks(state_.acks);
    current_services_->router.Route(request, {.queue = replies, .lane = lane, .is_nested = true});
  }
  if (!reply.empty()) replies.Deliver(replies.Open(), reply);
  current_replies_ = &replies_;
}

ReplyQueue::Sequence ClientSession::OpenPlace() {
  if (current_replies_ != &replies_) return current_replies_->Open();
  bool is_silent = IsSilent();
  if (state_.reply_mode == ReplyMode::kSkipNext) state_.reply_mode = ReplyMode::kOn;
  return replies_.Open(is_silent);
}

Subscriber& ClientSession::Subscriptions() {
  // Not make_unique: it may not see the private base.
  if (!subscriber_) subscriber_.reset(new Subscriber(replies_, *this, state_.resp));
  return *subscriber_;
}

void ClientSession::LeaveSubscriptions() {
  if (subscriber_) services_.pubsub.LeaveAll(*subscriber_);
}

void ClientSession::PushInOrder(std::string_view bytes) {
  if (IsGone()) return;
  // What waits for something to happen may wait for long.
  if (replies_.Outstanding() == 0 || IsBlocked()) return replies_.Push(bytes);
  replies_.Deliver(replies_.Open(), bytes);
}

void ClientSession::OnSubscriptionsChanged() {
  state_.channels = subscriber_->Count(TopicKind::kChannel);
  state_.patterns = subscriber_->Count(TopicKind::kPattern);
  state_.shard_channels = subscriber_->Count(TopicKind::kShard);
  bool listens = subscriber_->Total() > 0 && state_.resp == protocol::RespVersion::kResp2;
  state_.ways = static_cast<std::uint8_t>(listens ? state_.ways | kListens
                                                  : state_.ways & ~kListens);
}

// On a connection of its own, so it would overtake what was asked before.
bool ClientSession::SendScriptAsUser(const Request& request) {
  if (replies_.Outstanding() > 0) return false;
  services_.counters.requests.Add();
  RunAsUser(*this, request, OwnLane());
  return true;
}

// What runs long takes the slow lane, and what follows it there goes along, so that nothing
// overtakes. Only a slow request behind fast ones has to wait for them. So do the requests of a
// client whose replies are large, as soon as nothing is outstanding, and requests that are large
// themselves: others' do not stand behind them.
bool ClientSession::Send(const Request& request) {
  if (state_.is_restricted && RunsScript(*request.spec)) [[unlikely]] {
    return SendScriptAsUser(request);
  }
  const RequestPlan& plan = services_.router.PlanOf(request.id);
  const bool is_slow = plan.is_slow || has_large_replies_ || IsLarge(request);
  if (is_slow != is_on_slow_lane_ || plan.needs_quiet) [[unlikely]] {
    bool is_quiet = replies_.Outstanding() == 0;
    // On a connection of its own it would overtake what was asked before.
    bool needs_quiet =
        plan.needs_quiet && (!plan.may_block || services_.router.Blocks(request));
    if (((is_slow && !is_on_slow_lane_) || needs_quiet) && !is_quiet) return false;
    if (is_quiet) is_on_slow_lane_ = is_slow;
  }
  ReadChoice reads;
  // A client's own connections lead to the masters, one to each.
  bool has_own = current_services_ != &services_;
  if (config::ReadPolicy policy = ReadsFrom(); policy != config::ReadPolicy::kPrimary && !has_own)
      [[unlikely]] {
    // Who watches decides by what it reads. The master tells whether that changes, not whether a
    // replica's answer was old.
    bool is_watching = transaction_ != nullptr && transaction_->watch != nullptr;
    auto verdict = read_order_.Next(replies_, plan.may_use_replica && !is_watching);
    if (verdict == ReadOrder::Verdict::kWait) return false;
    if (verdict == ReadOrder::Verdict::kReplica) reads = ReadChoice(policy, read_order_.Turn());
  } else if (replies_.Outstanding() >= free_depth_ && !TakeRoom(request, plan)) [[unlikely]] {
    return false;
  }
  services_.counters.requests.Add();
  if (services_.meter.IsDrawn()) [[unlikely]] DrawKey(request);
  Lane lane = has_own ? OwnLane().WithSlow(false) : OwnLane();
  current_services_->router.Route(
      request, {.queue = replies_, .lane = lane, .is_silent = IsSilent(), .reads = reads});
  if (state_.reply_mode == ReplyMode::kSkipNext) state_.reply_mode = ReplyMode::kOn;
  return true;
}

// Any of its keys, so that those of MGET have their chance.
void ClientSession::DrawKey(const Request& request) {
  std::vector<protocol::KeyPosition>& keys = services_.acl_keys;
  keys.clear();
  protocol::ExtractKeys(*request.spec, request.args, keys);
  if (keys.empty()) return services_.meter.Draw({});
  services_.meter.Draw(request.args[keys[services_.meter.Lot() % keys.size()].index]);
}

config::ReadPolicy ClientSession::ReadsFrom() const {
  config::ReadPolicy policy = Listener().reads;
  bool is_asked_for = state_.is_readonly && policy == config::ReadPolicy::kPrimary;
  return is_asked_for ? config::ReadPolicy::kPreferReplica : policy;
}

bool ClientSession::AnswerLocally(const LocalCommand& command, const Request& request) {
  bool needs_quiet =
      command.needs_quiet || (command.needs_quiet_of_listeners && HasSubscriptions());
  needs_quiet = needs_quiet || (IsLarge(request) && !is_on_slow_lane_);
  if (needs_quiet && replies_.Outstanding() > 0) return false;
  if (IsLarge(request)) is_on_slow_lane_ = true;  // what it publishes
  // EXEC is one of these: what replicas have been asked comes before it.
  if (read_order_.HasReadsOnTheirWay(replies_)) return false;
  services_.counters.requests.Add();
  services_.counters.local_requests.Add();
  local_reply_.clear();
  state_.local_request_bytes = request.bytes.size();
  RunLocally(command, request, local_reply_);
  // CLIENT REPLY ON answers although replies were off; OFF and SKIP write nothing themselves.
  if (!local_reply_.empty()) replies_.Deliver(OpenPlace(), local_reply_);
  return true;
}

void ClientSession::RunLocally(const LocalCommand& command, const Request& request,
                               std::string& out) {
  auto resp_before = state_.resp;
  auto database_before = state_.database;
  protocol::StringSink sink{out};
  LocalWriter writer(sink, state_.resp);
  LocalCall call{*this, request.args, *request.spec, writer, out};
  command.handler(call);
  // Another version or database means other connections to the shards: nothing may overtake on
  // them.
  if (state_.resp != resp_before || state_.database != database_before) WaitForAnswers();
  if (state_.resp != resp_before && tracking_) CarryTrackingOver();
  if (state_.resp != resp_before && subscriber_) {
    subscriber_->SetVersion(state_.resp);
    OnSubscriptionsChanged();
  }
}

bool ClientSession::Refuse(std::string_view error_text, const protocol::CommandSpec* spec) {
  services_.counters.requests.Add();
  services_.counters.refused_requests.Add();
  local_reply_.clear();
  protocol::StringSink sink{local_reply_};
  LocalWriter writer(sink, state_.resp);
  writer.Error(SpoilTransaction(error_text, spec));
  replies_.Deliver(OpenPlace(), local_reply_);
  return true;
}

std::string ClientSession::SpoilTransaction(std::string_view error_text,
                                            const protocol::CommandSpec* spec) {
  const LocalCommand* command =
      spec == nullptr ? nullptr : FindLocalCommand(protocol::IdOf(*spec));
  if (command != nullptr && command->in_transaction == InTransaction::kExecutes) {
    EndTransaction();
    return ExecAbortText(error_text);
  }
  SpoilQueued();
  return std::string(error_text);
}

void ClientSession::FailProtocol(std::string_view error_text) {
  services_.counters.protocol_errors.Add();
  Refuse(error_text);
  CloseWhenAnswered();
}

}  // namespace slotway::proxy
