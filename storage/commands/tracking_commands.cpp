// SPDX-License-Identifier: Apache-2.0
// CLIENT TRACKING, CACHING, TRACKINGINFO and GETREDIR.
#include <string>
#include <utility>

#include "storage/commands/command_context.h"
#include "storage/commands/handler_table.h"

namespace slotway::storage {
namespace {

const protocol::TrackingOptions* OptionsOf(const ClientState& client) {
  return client.tracking ? &client.tracking->options : nullptr;
}

void ClientTrackingCommand(CommandContext& ctx) {
  protocol::TrackingOptions options;
  std::string error = protocol::ReadTrackingOptions(ctx.args.subspan(3), options);
  const bool is_redirected = options.redirect != 0;
  if (error.empty() && is_redirected && !ctx.server.clients.contains(options.redirect)) {
    error = protocol::kNoRedirectClient;
  }
  const bool is_on = EqualsNoCase(ctx.args[2], "on");
  if (error.empty() && !is_on && !EqualsNoCase(ctx.args[2], "off")) {
    error = protocol::error_text::kSyntax;
  }
  if (error.empty() && is_on) {
    error = protocol::FindTrackingConflict(OptionsOf(ctx.client), options);
  }
  if (!error.empty()) {
    ctx.Error(error);
    return;
  }
  if (is_on) {
    ctx.server.tracking.Start(ctx.client, std::move(options));
  } else {
    ctx.server.tracking.Stop(ctx.client);
  }
  ctx.reply.Ok();
}

void ClientCachingCommand(CommandContext& ctx) {
  protocol::TrackingCaching caching = protocol::TrackingCaching::kUnsaid;
  const std::string error = protocol::ReadCaching(OptionsOf(ctx.client), ctx.args[2], caching);
  if (!error.empty()) {
    ctx.Error(error);
    return;
  }
  ctx.client.tracking->caching = caching;
  ctx.reply.Ok();
}

void ClientTrackinginfoCommand(CommandContext& ctx) {
  const ClientTracking* tracking = ctx.client.tracking.get();
  protocol::WriteTrackingInfo(
      ctx.reply, OptionsOf(ctx.client),
      tracking != nullptr ? tracking->caching : protocol::TrackingCaching::kUnsaid,
      tracking != nullptr && tracking->is_redirect_broken);
}

void ClientGetredirCommand(CommandContext& ctx) {
  const protocol::TrackingOptions* options = OptionsOf(ctx.client);
  ctx.reply.Integer(options != nullptr ? static_cast<std::int64_t>(options->redirect) : -1);
}

}  // namespace

std::span<const HandlerRow> TrackingHandlers() {
  static constexpr HandlerRow kRows[] = {
      {"client|tracking", &ClientTrackingCommand},
      {"client|caching", &ClientCachingCommand},
      {"client|trackinginfo", &ClientTrackinginfoCommand},
      {"client|getredir", &ClientGetredirCommand},
  };
  return kRows;
}

}  // namespace slotway::storage
