// SPDX-License-Identifier: Apache-2.0
// The language of the command tests: Run({"set", "k", "v"}) gives the reply's bytes.
//
// A server without network: lookup, arity and the command's function, on a clock of the test's own.
#pragma once

#include <cstdint>
#include <gtest/gtest.h>
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
    if (spec == nullptr) return "-" + protocol::error_text::UnknownCommand(args) + "\r\n";
    CommandContext ctx(state_, client_, *spec, args, output);
    if (!spec->ArityFits(args.size())) {
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
  ServerState state_;
  ClientState client_;
  HandlerTable handlers_;
};

// One step of a scripted exchange.
struct Exchange {
  std::vector<std::string> request;
  std::string reply;
};

inline void Play(CommandRunner& runner, const std::vector<Exchange>& exchanges) {
  for (const Exchange& exchange : exchanges) {
    EXPECT_EQ(runner.Run(exchange.request), exchange.reply)
        << ::testing::PrintToString(exchange.request);
  }
}

}  // namespace slotway::storage
