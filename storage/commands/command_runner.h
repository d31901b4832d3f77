// SPDX-License-Identifier: Apache-2.0
// The language of the command tests: Run({"set", "k", "v"}) gives the reply's bytes.
//
// A server without network: lookup, arity and the command's function, on a clock of the test's own.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/error_text.h"
#include "runtime/byte_queue.h"
#include "storage/commands/client_push.h"
#include "storage/commands/client_state.h"
#include "storage/commands/command_call.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

inline constexpr const char* kOk = "+OK\r\n";                    // wire: expected bytes
inline constexpr const char* kSyntax = "-ERR syntax error\r\n";  // wire: expected bytes

class CommandRunner {
 public:
  explicit CommandRunner(config::ShardConfig settings = {})
      : state_(config::ShardSettings(std::move(settings))) {
    AddAllHandlers(handlers_);
    state_.handlers = &handlers_;
    state_.now_ms = 1'700'000'000'000;
    client_.id = 1;
    client_.address = "127.0.0.1:40000";
    state_.clients.emplace(client_.id, &client_);
  }

  std::string Run(const std::vector<std::string>& request) {
    std::vector<std::string_view> args(request.begin(), request.end());
    runtime::ByteQueue output;
    const protocol::CommandSpec* spec = protocol::FindCommand(args);
    CommandContext ctx(state_, client_, spec != nullptr ? *spec : kUnknown, args, output);
    if (spec == nullptr) {
      ctx.Error(protocol::error_text::UnknownCommand(args));
    } else if (!spec->ArityFits(args.size())) {
      ctx.ArityError();
    } else {
      const std::uint64_t changes_before = state_.changes;
      handlers_.Of(protocol::IdOf(*spec))(ctx);
      if (state_.propagation.IsOn()) PropagateCommand(ctx, state_.changes != changes_before);
    }
    std::string reply;
    output.CopyTo(output.Begin(), output.Size(), reply);
    return reply;
  }

  // Of a layer above.
  void AddHandlers(void (*add)(HandlerTable&)) { add(handlers_); }
  void Advance(std::int64_t ms) { state_.now_ms += ms; }
  void SpeakResp3() { client_.resp_version = protocol::RespVersion::kResp3; }
  ServerState& State() { return state_; }
  ClientState& Client() { return client_; }
  const HandlerTable& Handlers() const { return handlers_; }

 private:
  static constexpr protocol::CommandSpec kUnknown{.name = "", .arity = -1};

  ServerState state_;
  ClientState client_;
  HandlerTable handlers_;
};

// A client beside the runner's that hears what is pushed to it, in RESP3.
class Listener {
 public:
  explicit Listener(ServerState& state) : state_(state), held_(state, client_) {
    client_.id = 2;
    client_.resp_version = protocol::RespVersion::kResp3;
  }
  ~Listener() {
    state_.held_pushes.clear();
    state_.pubsub.LeaveAll(client_);
  }

  ClientState& Client() { return client_; }
  std::string Take() {
    std::string text;
    for (const PushedBytes& bytes : state_.held_pushes) text += *bytes;
    state_.held_pushes.clear();
    return text;
  }
  void HearKeyEvents() {
    state_.settings.Set("notify-keyspace-events", "AE");
    state_.pubsub.Join(client_, ChannelKind::kPattern, "__keyevent@*__:*");
  }
  // "zadd z, del z, "
  std::string TakeKeyEvents() {
    std::string text;
    for (const PushedBytes& bytes : state_.held_pushes) {
      const std::vector<std::string> words = WordsOf(*bytes);
      text += words[2].substr(words[2].find(':') + 1) + " " + words[3] + ", ";
    }
    state_.held_pushes.clear();
    return text;
  }

 private:
  // Of a push of bulk strings without line ends in them.
  static std::vector<std::string> WordsOf(std::string_view push) {
    constexpr std::string_view kLineEnd = "\r\n";  // wire: reads what was written
    std::vector<std::string> words;
    for (std::size_t at = push.find(kLineEnd) + 2; at < push.size();) {
      at = push.find(kLineEnd, at) + 2;
      const std::size_t end = push.find(kLineEnd, at);
      words.emplace_back(push.substr(at, end - at));
      at = end + 2;
    }
    return words;
  }

  ServerState& state_;
  ClientState client_;
  HeldPushes held_;
};

// One step of a scripted exchange.
struct Exchange {
  std::vector<std::string> request;
  std::string reply;
};

// What went otherwise, one line each; empty when every reply was the expected one.
inline std::string Play(CommandRunner& runner, const std::vector<Exchange>& exchanges) {
  std::string differences;
  for (const Exchange& exchange : exchanges) {
    std::string reply = runner.Run(exchange.request);
    if (reply == exchange.reply) continue;
    for (const std::string& arg : exchange.request) differences += arg + " ";
    differences += "-> " + reply + " instead of " + exchange.reply + "\n";
  }
  return differences;
}

}  // namespace slotway::storage
