// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/invalidation.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/key_extraction.h"
#include "protocol/resp_writer.h"
#include "storage/commands/client_push.h"
#include "storage/commands/command_context.h"

namespace slotway::storage {
namespace {

using PushWriter = protocol::RespWriter<protocol::StringSink>;

ClientState* FindClient(ServerState& server, std::uint64_t id) {
  const auto found = server.clients.find(id);
  return found != server.clients.end() ? found->second : nullptr;
}

// The keys, nullptr for all there are; to the client or to whom it has redirected.
void Tell(ServerState& server, ClientState& tracker, const std::vector<std::string_view>* keys) {
  ClientTracking& tracking = *tracker.tracking;
  const std::uint64_t redirect = tracking.options.redirect;
  ClientState* hearer = redirect != 0 ? FindClient(server, redirect) : &tracker;
  std::string text;
  protocol::StringSink sink{text};
  if (hearer == nullptr) {
    tracking.is_redirect_broken = true;
    if (tracker.resp_version != protocol::RespVersion::kResp3) return;
    PushWriter writer(sink, tracker.resp_version);
    writer.Push(2);
    writer.Bulk("tracking-redir-broken");
    writer.Integer(static_cast<std::int64_t>(redirect));
    Push(server, tracker, std::make_shared<const std::string>(std::move(text)));
    return;
  }
  PushWriter writer(sink, hearer->resp_version);
  if (writer.IsResp3()) {
    writer.Push(2);
    writer.Bulk("invalidate");
  } else if (redirect != 0 && hearer->Is(ClientWay::kSubscribed)) {
    writer.Push(3);
    writer.Bulk("message");
    writer.Bulk(protocol::kInvalidateChannel);
  } else {
    return;
  }
  if (keys == nullptr) {
    writer.Null();
  } else {
    writer.Array(keys->size());
    for (std::string_view key : *keys) writer.Bulk(key);
  }
  Push(server, *hearer, std::make_shared<const std::string>(std::move(text)));
}

// `changed_by`: the client that needs not be told if it says so (NOLOOP).
void TellReaders(ServerState& server, std::string_view key, const ClientState* changed_by) {
  const std::vector<std::string_view> keys = {key};
  for (std::uint64_t id : server.tracking.TakeReaders(key)) {
    ClientState* reader = FindClient(server, id);
    if (reader == nullptr || !reader->tracking || reader->tracking->options.is_bcast) continue;
    if (reader->tracking->options.is_noloop && reader == changed_by) continue;
    Tell(server, *reader, &keys);
  }
}

}  // namespace

void InvalidateKey(ServerState& server, std::string_view key) {
  if (server.tracking.PrefixCount() > 0) {
    const bool was_due = server.tracking.HasBroadcast();
    server.tracking.NoteChange(key, server.replying_to != nullptr ? server.replying_to->id : 0);
    const bool is_due = server.tracking.HasBroadcast();
    if (is_due && !was_due && server.schedule_broadcast) server.schedule_broadcast();
  }
  // A client that tracks is known here while it changes something.
  if (server.tracking.KeyCount() > 0) TellReaders(server, key, server.replying_to);
}

void InvalidateAll(ServerState& server) {
  if (server.tracking.IsOn()) {
    for (const auto& [id, client] : server.clients) {
      if (client->tracking) Tell(server, *client, nullptr);
    }
  }
  server.tracking.ForgetAllReaders();
}

void BroadcastInvalidations(ServerState& server) {
  for (auto& [name, prefix] : server.tracking.TakeBroadcast()) {
    const auto changed = std::exchange(prefix.changed, {});
    for (ClientState* client : prefix.clients) {
      const bool skips_own = client->tracking->options.is_noloop;
      std::vector<std::string_view> keys;
      for (const auto& [key, changed_by] : changed) {
        if (!skips_own || changed_by != client->id) keys.push_back(key);
      }
      if (!keys.empty()) Tell(server, *client, &keys);
    }
  }
}

void RememberReads(CommandContext& ctx) {
  using protocol::TrackingCaching;
  ServerState& server = ctx.server;
  // What a script reads it reads for its caller; the keys that it was told of do not count.
  const bool is_script = ctx.spec.categories.Has(protocol::AclCategory::kScripting);
  const ClientState* reader = ctx.client.is_script ? server.replying_to : &ctx.client;
  const ClientTracking* tracking = reader != nullptr ? reader->tracking.get() : nullptr;
  if (tracking == nullptr || is_script || !ctx.spec.IsReadonly()) return;
  const protocol::TrackingOptions& options = tracking->options;
  if (options.is_bcast || ctx.spec.flags.Has(protocol::CommandFlag::kPubsub)) return;
  if (options.is_optin && tracking->caching != TrackingCaching::kYes) return;
  if (options.is_optout && tracking->caching == TrackingCaching::kNo) return;
  std::vector<protocol::KeyPosition> keys;
  if (protocol::ExtractKeys(ctx.spec, ctx.args, keys) != protocol::KeyExtractionError::kNone)
    return;
  for (const protocol::KeyPosition& key : keys) {
    server.tracking.AddReader(ctx.args[key.index], reader->id);
  }
  LimitTrackedKeys(server);
}

void LimitTrackedKeys(ServerState& server) {
  const auto keys_max = static_cast<std::size_t>(server.Config().tracking_table_max_keys);
  while (keys_max != 0 && server.tracking.KeyCount() > keys_max) {
    TellReaders(server, server.tracking.AnyKey(), nullptr);
  }
}

}  // namespace slotway::storage
