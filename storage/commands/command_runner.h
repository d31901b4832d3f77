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
#include "storage/commands/client_state.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"
#include "storage/commands/server_state.h"

namespace slotway::storage {

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
      handlers_.Of(protocol::IdOf(*spec))(ctx);
    }
    std::string reply;
    output.CopyTo(output.Begin(), output.Size(), reply);
    return reply;
  }

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
