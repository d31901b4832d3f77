// SPDX-License-Identifier: Apache-2.0
// COMMAND: the command table as clients see it; the protocol layer renders it.
#include <span>
#include <string>
#include <string_view>

#include "protocol/command_reply.h"
#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

using Renderer = void (*)(std::span<const std::string_view>, protocol::RespVersion, std::string&,
                          const protocol::LearnedCommands*);

template <Renderer render>
void RenderCommand(CommandContext& ctx) {
  std::string text;
  render(ctx.args, ctx.client.resp_version, text, nullptr);
  if (text.starts_with('-')) {
    ctx.has_failed = true;
    ctx.server.stats.CountError(std::string_view(text).substr(1));
  }
  ctx.output.Append(text);
}

}  // namespace

std::span<const HandlerRow> CommandIntrospectionHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"command", &RenderCommand<&protocol::AppendCommandAll>},
      {"command|count", &RenderCommand<&protocol::AppendCommandCount>},
      {"command|docs", &RenderCommand<&protocol::AppendCommandDocs>},
      {"command|getkeys", &RenderCommand<&protocol::AppendCommandGetKeys>},
      {"command|getkeysandflags", &RenderCommand<&protocol::AppendCommandGetKeysAndFlags>},
      {"command|help", &RenderCommand<&protocol::AppendCommandHelp>},
      {"command|info", &RenderCommand<&protocol::AppendCommandInfo>},
      {"command|list", &RenderCommand<&protocol::AppendCommandList>},
  };
  return kRows;
}

}  // namespace slotway::storage
