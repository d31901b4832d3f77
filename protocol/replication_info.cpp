// SPDX-License-Identifier: Apache-2.0
#include "protocol/replication_info.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace slotway::protocol {
namespace {

constexpr std::size_t kHistoryIdBytes = 40;

using Fields = std::map<std::string_view, std::string_view>;

// "name:value" lines; of a name that comes twice the first counts.
Fields ReadFields(std::string_view text) {
  Fields fields;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const std::size_t colon = line.find(':');
    if (line.empty() || line.front() == '#' || colon == std::string_view::npos) continue;
    fields.emplace(line.substr(0, colon), line.substr(colon + 1));
  }
  return fields;
}

std::string_view TextOf(const Fields& fields, std::string_view name) {
  const auto field = fields.find(name);
  return field == fields.end() ? std::string_view() : field->second;
}

template <class Number>
bool ReadNumber(const Fields& fields, std::string_view name, Number& number) {
  const std::string_view text = TextOf(fields, name);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stop == end;
}

bool ReadHistoryId(const Fields& fields, std::string_view name, std::string& id) {
  id = TextOf(fields, name);
  return id.size() == kHistoryIdBytes && std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

tl::unexpected<std::string> Missing(std::string_view name) {
  return tl::unexpected("INFO replication: " + std::string(name) + " is missing or invalid");
}

}  // namespace

bool ReplicationInfo::DescendsFrom(const ReplicationInfo& other) const {
  return former_history_id == other.history_id && history_id != other.history_id;
}

tl::expected<ReplicationInfo, std::string> ParseReplicationInfo(std::string_view text) {
  const Fields fields = ReadFields(text);
  const std::string_view role = TextOf(fields, "role");
  if (role != "master" && role != "slave") return Missing("role");
  ReplicationInfo info;
  info.is_master = role == "master";
  if (!ReadHistoryId(fields, "master_replid", info.history_id)) return Missing("master_replid");
  if (!ReadHistoryId(fields, "master_replid2", info.former_history_id)) {
    return Missing("master_replid2");
  }
  if (!ReadNumber(fields, "connected_slaves", info.connected_replicas)) {
    return Missing("connected_slaves");
  }
  const std::string_view offset = info.is_master ? "master_repl_offset" : "slave_repl_offset";
  if (!ReadNumber(fields, offset, info.offset)) {
    // A replica that has never synchronised says -1 or 0.
    std::int64_t unset = 0;
    if (!ReadNumber(fields, offset, unset)) return Missing(offset);
  }
  if (info.is_master) return info;
  auto master = ParseEndpoint(std::string(TextOf(fields, "master_host")) + ":" +
                              std::string(TextOf(fields, "master_port")));
  if (!master) return Missing("master_host");
  info.master = std::move(*master);
  const std::string_view link = TextOf(fields, "master_link_status");
  if (link != "up" && link != "down") return Missing("master_link_status");
  info.is_link_up = link == "up";
  info.is_syncing = TextOf(fields, "master_sync_in_progress") == "1";
  return info;
}

}  // namespace slotway::protocol
