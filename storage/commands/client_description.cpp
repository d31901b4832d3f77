// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/client_description.h"

#include <algorithm>
#include <string_view>

#include "storage/commands/client_memory.h"

namespace slotway::storage {
namespace {

class FieldLine {
 public:
  FieldLine& Add(std::string_view name, std::string_view value) {
    if (!text_.empty()) text_ += ' ';
    text_.append(name).append("=").append(value);
    return *this;
  }
  FieldLine& Add(std::string_view name, std::int64_t value) {
    return Add(name, std::string_view(std::to_string(value)));
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

std::string Flags(const ClientState& client) {
  std::string flags;
  const ClientTracking* tracking = client.tracking.get();
  const runtime::Connection* connection = client.connection;
  if (client.Is(ClientWay::kReplica)) flags += 'S';
  if (client.is_master) flags += 'M';
  if (client.Is(ClientWay::kMonitoring)) flags += 'O';
  if (client.subscriptions) flags += 'P';
  if (client.transaction) flags += 'x';
  if (client.is_waiting || client.is_held_back) flags += 'b';
  if (tracking != nullptr) flags += 't';
  if (tracking != nullptr && tracking->is_redirect_broken) flags += 'R';
  if (tracking != nullptr && tracking->options.is_bcast) flags += 'B';
  if (client.has_watched_change) flags += 'd';
  if (client.closes_after_reply) flags += 'c';
  if (connection != nullptr && connection->LocalAddress().IsUnix()) flags += 'U';
  if (client.is_readonly) flags += 'r';
  if (client.is_no_evict) flags += 'e';
  if (client.is_no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

std::int64_t SubscriptionCount(const ClientState& client, ChannelKind kind) {
  return client.subscriptions ? static_cast<std::int64_t>(client.subscriptions->Count(kind)) : 0;
}

}  // namespace

std::string DescribeClient(const ClientState& client, std::int64_t now_ms) {
  const runtime::Connection* connection = client.connection;
  auto waiting_bytes =
      connection != nullptr ? static_cast<std::int64_t>(connection->UnwrittenBytes()) : 0;
  auto kept_bytes = static_cast<std::int64_t>(
      std::max(client.batch_bytes, connection != nullptr ? connection->KeptInputBytes() : 0));
  const auto understood_bytes =
      std::min(static_cast<std::int64_t>(client.understood_bytes), kept_bytes);
  const auto free_bytes = connection != nullptr
                              ? static_cast<std::int64_t>(connection->KeptInputCapacity() -
                                                          connection->KeptInputBytes())
                              : 0;
  const Transaction* transaction = client.transaction.get();
  const auto queued_count =
      transaction != nullptr ? static_cast<std::int64_t>(transaction->Count()) : -1;
  const auto queued_bytes = static_cast<std::int64_t>(
      (transaction != nullptr ? transaction->Bytes() : 0) + client.watched_bytes);
  FieldLine line;
  line.Add("id", static_cast<std::int64_t>(client.id))
      .Add("addr", client.address)
      .Add("laddr", client.local_address)
      .Add("fd", connection != nullptr ? connection->FileDescriptor() : -1)
      .Add("name", client.name)
      .Add("age", (now_ms - client.created_ms) / 1000)
      .Add("idle", (now_ms - client.last_active_ms) / 1000)
      .Add("flags", Flags(client))
      .Add("db", client.db_index)
      .Add("sub", SubscriptionCount(client, ChannelKind::kChannel))
      .Add("psub", SubscriptionCount(client, ChannelKind::kPattern))
      .Add("ssub", SubscriptionCount(client, ChannelKind::kShard))
      .Add("multi", queued_count)
      .Add("qbuf", kept_bytes - understood_bytes)
      .Add("qbuf-free", free_bytes)
      .Add("argv-mem", understood_bytes)
      .Add("multi-mem", queued_bytes)
      .Add("rbs", 0)
      .Add("rbp", 0)
      .Add("obl", waiting_bytes)
      .Add("oll", 0)
      .Add("omem", waiting_bytes)
      .Add("tot-mem", static_cast<std::int64_t>(MemoryOf(client, client.batch_bytes)))
      .Add("events", waiting_bytes > 0 ? "rw" : "r")
      .Add("cmd", client.last_command != nullptr ? client.last_command->name : "NULL")
      .Add("user", client.UserName())
      .Add("redir",
           client.tracking ? static_cast<std::int64_t>(client.tracking->options.redirect) : -1)
      .Add("resp", static_cast<int>(client.resp_version))
      .Add("lib-name", client.library_name)
      .Add("lib-ver", client.library_version);
  return line.Take();
}

}  // namespace slotway::storage
