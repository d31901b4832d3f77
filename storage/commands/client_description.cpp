// SPDX-License-Identifier: Apache-2.0
#include "storage/commands/client_description.h"

#include <string_view>

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
  if (client.is_waiting) flags += 'b';
  if (client.closes_after_reply) flags += 'c';
  if (client.is_readonly) flags += 'r';
  if (client.is_no_evict) flags += 'e';
  if (client.is_no_touch) flags += 'T';
  return flags.empty() ? "N" : flags;
}

}  // namespace

std::string DescribeClient(const ClientState& client, std::int64_t now_ms) {
  const runtime::Connection* connection = client.connection;
  auto waiting_bytes =
      connection != nullptr ? static_cast<std::int64_t>(connection->UnwrittenBytes()) : 0;
  auto kept_bytes =
      connection != nullptr ? static_cast<std::int64_t>(connection->KeptInputBytes()) : 0;
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
      .Add("sub", 0)
      .Add("psub", 0)
      .Add("ssub", 0)
      .Add("multi", -1)
      .Add("qbuf", kept_bytes)
      .Add("qbuf-free", 0)
      .Add("argv-mem", 0)
      .Add("multi-mem", 0)
      .Add("rbs", 0)
      .Add("rbp", 0)
      .Add("obl", waiting_bytes)
      .Add("oll", 0)
      .Add("omem", waiting_bytes)
      .Add("tot-mem", waiting_bytes + kept_bytes + static_cast<std::int64_t>(sizeof client))
      .Add("events", waiting_bytes > 0 ? "rw" : "r")
      .Add("cmd", client.last_command != nullptr ? client.last_command->name : "NULL")
      .Add("user", client.user)
      .Add("redir", -1)
      .Add("resp", static_cast<int>(client.resp_version))
      .Add("lib-name", client.library_name)
      .Add("lib-ver", client.library_version);
  return line.Take();
}

}  // namespace slotway::storage
