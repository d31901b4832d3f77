// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/pubsub_message.h"

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "protocol/glob.h"
#include "protocol/pubsub_reply.h"
#include "protocol/resp_writer.h"
#include "storage/commands/client_push.h"

namespace slotway::storage {
namespace {

// The same words for many clients, in the version of RESP that each of them speaks.
class Announcement {
 public:
  Announcement(ServerState& server, std::vector<std::string_view> words)
      : server_(server), words_(std::move(words)) {}

  void To(const std::vector<ClientState*>& clients) {
    for (ClientState* client : clients) Push(server_, *client, In(client->resp_version));
  }

 private:
  const PushedBytes& In(protocol::RespVersion version) {
    PushedBytes& bytes = bytes_[version == protocol::RespVersion::kResp3 ? 1 : 0];
    if (bytes) return bytes;
    std::string text;
    protocol::StringSink sink{text};
    protocol::RespWriter<protocol::StringSink> writer(sink, version);
    writer.Push(words_.size());
    for (std::string_view word : words_) writer.Bulk(word);
    bytes = std::make_shared<const std::string>(std::move(text));
    return bytes;
  }

  ServerState& server_;
  std::vector<std::string_view> words_;
  std::array<PushedBytes, 2> bytes_;
};

}  // namespace

std::size_t PublishMessage(ServerState& server, ChannelKind kind, std::string_view channel,
                           std::string_view message) {
  std::size_t told = 0;
  if (const PubsubChannel* found = server.pubsub.Find(kind, channel)) {
    const std::string_view word = kind == ChannelKind::kShard ? "smessage" : "message";
    Announcement(server, {word, channel, message}).To(found->members);
    told += found->members.size();
  }
  if (kind == ChannelKind::kShard || server.pubsub.Count(ChannelKind::kPattern) == 0) return told;
  server.pubsub.ForEach(ChannelKind::kPattern, [&](const PubsubChannel& pattern) {
    if (!protocol::GlobMatches(pattern.name, channel)) return;
    Announcement(server, {"pmessage", pattern.name, channel, message}).To(pattern.members);
    told += pattern.members.size();
  });
  return told;
}

void EndShardChannels(ServerState& server,
                      const std::function<bool(std::string_view name)>& is_gone) {
  std::vector<std::string> gone;
  server.pubsub.ForEach(ChannelKind::kShard, [&](const PubsubChannel& channel) {
    if (is_gone(channel.name)) gone.push_back(channel.name);
  });
  for (const std::string& name : gone) {
    const std::vector<ClientState*> members =
        server.pubsub.Find(ChannelKind::kShard, name)->members;
    for (ClientState* client : members) {
      server.pubsub.Leave(*client, ChannelKind::kShard, name);
      std::string text;
      protocol::StringSink sink{text};
      protocol::RespWriter<protocol::StringSink> writer(sink, client->resp_version);
      const std::string_view channel = name;
      const Subscriptions* left = client->subscriptions.get();
      protocol::WriteConfirmation(writer, "sunsubscribe", &channel,
                                  left != nullptr ? left->Count(ChannelKind::kShard) : 0);
      Push(server, *client, std::make_shared<const std::string>(std::move(text)));
    }
  }
}

}  // namespace slotway::storage
