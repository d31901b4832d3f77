// SPDX-License-Identifier: Apache-2.0
#include "protocol/sentinel_reply.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace slotway::protocol {
namespace {

constexpr std::size_t kListedMax = 1024;
constexpr std::string_view kSwitchMaster = "+switch-master";
constexpr std::string_view kOfMaster = " @ ";
constexpr std::array<std::pair<std::string_view, FailoverNews>, 4> kFailoverChannels = {{
    {kSwitchMaster, FailoverNews::kPromotionEnds},
    {"+promoted-slave", FailoverNews::kPromotionEnds},
    {"+failover-state-send-slaveof-noone", FailoverNews::kPromotionBegins},
    {"-failover-abort-slave-timeout", FailoverNews::kPromotionEnds},
}};

tl::unexpected<std::string> Refuse(std::string reason) { return tl::unexpected(std::move(reason)); }

bool IsAggregate(const RespValue& value) {
  return value.kind == RespValue::Kind::kArray || value.kind == RespValue::Kind::kMap;
}

// The value of a field in "name value name value ...", or nothing.
std::optional<std::string_view> FieldOf(const RespValue& fields, std::string_view name) {
  for (std::size_t i = 0; i + 1 < fields.elements.size(); i += 2) {
    if (!fields.elements[i].IsText() || fields.elements[i].text != name) continue;
    if (!fields.elements[i + 1].IsText()) return std::nullopt;
    return fields.elements[i + 1].text;
  }
  return std::nullopt;
}

// The fields "ip" and "port" of an entry.
std::optional<Endpoint> EndpointOf(const RespValue& entry) {
  const auto host = FieldOf(entry, "ip");
  const auto port = FieldOf(entry, "port");
  if (!host || !port) return std::nullopt;
  auto endpoint = ParseEndpoint(std::string(*host) + ":" + std::string(*port));
  if (!endpoint) return std::nullopt;
  return std::move(*endpoint);
}

// Entries without an address are left out: a sentinel lists some before it knows them well.
bool ReadEntries(const RespValue& reply, std::vector<Endpoint>& out) {
  if (reply.kind != RespValue::Kind::kArray) return false;
  for (const RespValue& entry : reply.elements) {
    if (!IsAggregate(entry)) return false;
    auto endpoint = EndpointOf(entry);
    if (endpoint && out.size() < kListedMax) out.push_back(std::move(*endpoint));
  }
  return true;
}

std::size_t CountNaming(const std::vector<SentinelView>& views, const SentinelView& wanted) {
  return static_cast<std::size_t>(
      std::count_if(views.begin(), views.end(), [&](const SentinelView& view) {
        return view.master == wanted.master && view.config_epoch == wanted.config_epoch;
      }));
}

}  // namespace

std::vector<std::vector<std::string>> SentinelQuestions(const std::string& master_name) {
  return {{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", master_name},
          {"SENTINEL", "MASTER", master_name},
          // REPLICAS is newer than the oldest servers that this may meet.
          {"SENTINEL", "SLAVES", master_name},
          {"SENTINEL", "SENTINELS", master_name}};
}

tl::expected<SentinelView, std::string> ParseSentinelView(const std::vector<RespValue>& replies) {
  if (replies.size() != 4) return Refuse("SENTINEL: replies are missing");
  const RespValue& address = replies[0];
  if (address.kind == RespValue::Kind::kNull ||
      (address.kind == RespValue::Kind::kArray && address.elements.empty())) {
    return Refuse("SENTINEL: the master's name is unknown");
  }
  if (address.kind != RespValue::Kind::kArray || address.elements.size() != 2 ||
      !address.elements[0].IsText() || !address.elements[1].IsText()) {
    return Refuse("SENTINEL GET-MASTER-ADDR-BY-NAME: not an address");
  }
  SentinelView view;
  auto master = ParseEndpoint(address.elements[0].text + ":" + address.elements[1].text);
  if (!master) return tl::unexpected(master.error());
  view.master = std::move(*master);
  if (!IsAggregate(replies[1])) return Refuse("SENTINEL MASTER: no fields");
  const auto epoch = FieldOf(replies[1], "config-epoch");
  if (!epoch) return Refuse("SENTINEL MASTER: no config-epoch");
  const char* const end = epoch->data() + epoch->size();
  const auto [stop, error] = std::from_chars(epoch->data(), end, view.config_epoch);
  if (error != std::errc() || stop != end) {
    return Refuse("SENTINEL MASTER: invalid config-epoch");
  }
  if (!ReadEntries(replies[2], view.replicas)) {
    return Refuse("SENTINEL SLAVES: not a list of nodes");
  }
  if (!ReadEntries(replies[3], view.sentinels)) {
    return Refuse("SENTINEL SENTINELS: not a list of nodes");
  }
  return view;
}

const SentinelView* ChooseSentinelView(const std::vector<SentinelView>& views,
                                       std::uint64_t epoch_known, std::size_t sentinels_known) {
  const SentinelView* best = nullptr;
  for (const SentinelView& view : views) {
    const bool is_better = best == nullptr || view.config_epoch > best->config_epoch ||
                           (view.config_epoch == best->config_epoch &&
                            CountNaming(views, view) > CountNaming(views, *best));
    if (is_better) best = &view;
  }
  if (best == nullptr || best->config_epoch >= epoch_known) return best;
  return 2 * CountNaming(views, *best) > sentinels_known ? best : nullptr;
}

std::vector<std::string> FailoverChannels() {
  std::vector<std::string> channels;
  for (const auto& [channel, news] : kFailoverChannels) channels.emplace_back(channel);
  return channels;
}

FailoverNews ParseFailoverNews(std::string_view channel, std::string_view payload,
                               std::string_view master_name) {
  std::string_view about = payload;
  if (channel != kSwitchMaster) {
    const auto at = payload.find(kOfMaster);
    constexpr std::string_view kMaster = "master ";
    if (at != std::string_view::npos) {
      about = payload.substr(at + kOfMaster.size());
    } else if (payload.starts_with(kMaster)) {
      about = payload.substr(kMaster.size());
    } else {
      return FailoverNews::kNone;
    }
  }
  const bool is_ours = about.size() > master_name.size() && about.starts_with(master_name) &&
                       about[master_name.size()] == ' ';
  if (!is_ours) return FailoverNews::kNone;
  for (const auto& [name, news] : kFailoverChannels) {
    if (name == channel) return news;
  }
  return FailoverNews::kNone;
}

}  // namespace slotway::protocol
