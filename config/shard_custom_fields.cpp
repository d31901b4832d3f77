// SPDX-License-Identifier: Apache-2.0
#include "config/shard_custom_fields.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <limits>
#include <system_error>
#include <utility>

#include "config/peer_list.h"
#include "config/quantity.h"

namespace slotway::config {
namespace {

constexpr size_t kBindMax = 16;
constexpr size_t kHostnameMax = 255;

using Words = std::span<const std::string>;
using Refusal = std::optional<std::string>;

std::string Join(const std::vector<std::string>& words) {
  std::string joined;
  for (const std::string& word : words) {
    if (!joined.empty()) joined += ' ';
    joined += word;
  }
  return joined;
}

bool IsSingleEmpty(Words args) { return args.empty() || (args.size() == 1 && args[0].empty()); }

Refusal SetBind(Words args, ShardConfig& config) {
  if (args.size() > kBindMax) return "Too many bind addresses specified.";
  config.bind.clear();
  if (!IsSingleEmpty(args)) config.bind.assign(args.begin(), args.end());
  return std::nullopt;
}

std::string GetBind(const ShardConfig& config) { return Join(config.bind); }

Refusal SetUnixSocketPerm(Words args, ShardConfig& config) {
  constexpr uint32_t kAll = 0777;
  const std::string& text = args[0];
  uint32_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return "argument couldn't be parsed as an octal number";
  }
  if (value > kAll) return "argument must be between 0 and 777 inclusive";
  config.unixsocketperm = value;
  return std::nullopt;
}

std::string GetUnixSocketPerm(const ShardConfig& config) {
  std::array<char, 12> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), config.unixsocketperm, 8);
  return {text.data(), end.ptr};
}

Refusal SetSave(Words args, ShardConfig& config) {
  std::vector<SavePoint> points;
  if (!IsSingleEmpty(args)) {
    if (args.size() % 2 != 0) return "Invalid save parameters";
    for (size_t i = 0; i < args.size(); i += 2) {
      auto seconds = ParseInteger(args[i]);
      auto changes = ParseInteger(args[i + 1]);
      if (!seconds || !changes || *seconds < 1 || *changes < 0) return "Invalid save parameters";
      points.push_back({*seconds, *changes});
    }
  }
  config.save = std::move(points);
  return std::nullopt;
}

std::string GetSave(const ShardConfig& config) {
  std::string text;
  for (const SavePoint& point : config.save) {
    if (!text.empty()) text += ' ';
    text += std::to_string(point.seconds) + ' ' + std::to_string(point.changes);
  }
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<ClientClass> FindClientClass(std::string_view name) {
  std::string lower = Lower(name);
  if (lower == "normal") return kClientNormal;
  if (lower == "slave" || lower == "replica") return kClientReplica;
  if (lower == "pubsub") return kClientPubsub;
  return std::nullopt;
}

Refusal SetClientOutput(Words args, ShardConfig& config) {
  if (IsSingleEmpty(args)) return std::nullopt;
  if (args.size() % 4 != 0) return "Wrong number of arguments in buffer limit configuration.";
  auto limits = config.client_output_buffer_limit;
  for (size_t i = 0; i < args.size(); i += 4) {
    auto client_class = FindClientClass(args[i]);
    if (!client_class) return "Invalid client class specified in buffer limit configuration.";
    auto hard = ParseSize(args[i + 1]);
    auto soft = ParseSize(args[i + 2]);
    auto seconds = ParseInteger(args[i + 3]);
    if (!hard || !soft || !seconds || *seconds < 0) {
      return "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
    }
    limits[*client_class] = {*hard, *soft, *seconds};
  }
  config.client_output_buffer_limit = limits;
  return std::nullopt;
}

std::string GetClientOutput(const ShardConfig& config) {
  constexpr std::array<std::string_view, kClientClasses> kNames = {"normal", "slave", "pubsub"};
  std::string text;
  for (size_t i = 0; i < kClientClasses; ++i) {
    const ClientOutputLimit& limit = config.client_output_buffer_limit[i];
    if (i > 0) text += ' ';
    text += kNames[i];
    text += ' ' + std::to_string(limit.hard_bytes) + ' ' + std::to_string(limit.soft_bytes) + ' ' +
            std::to_string(limit.soft_s);
  }
  return text;
}

// In the order in which CONFIG GET lists them.
constexpr std::pair<char, uint32_t> kEventLetters[] = {
    {'g', kNotifyGeneric}, {'$', kNotifyString}, {'l', kNotifyList},    {'s', kNotifySet},
    {'h', kNotifyHash},    {'z', kNotifyZset},   {'x', kNotifyExpired}, {'e', kNotifyEvicted},
    {'t', kNotifyStream},  {'d', kNotifyModule}, {'n', kNotifyNew},
};
constexpr std::pair<char, uint32_t> kPlaceLetters[] = {
    {'K', kNotifyKeyspace}, {'E', kNotifyKeyevent}, {'m', kNotifyKeyMiss}};

uint32_t EventBits(char letter) {
  if (letter == 'A') return kNotifyAll;
  for (auto [known, bits] : kEventLetters) {
    if (known == letter) return bits;
  }
  for (auto [known, bits] : kPlaceLetters) {
    if (known == letter) return bits;
  }
  return 0;
}

Refusal SetKeyspaceEvents(Words args, ShardConfig& config) {
  if (args.size() > 1) return "wrong number of arguments";
  uint32_t events = 0;
  for (char letter : args.empty() ? std::string_view() : std::string_view(args[0])) {
    uint32_t bits = EventBits(letter);
    if (bits == 0) return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    events |= bits;
  }
  config.notify_keyspace_events = events;
  return std::nullopt;
}

std::string GetKeyspaceEvents(const ShardConfig& config) {
  uint32_t events = config.notify_keyspace_events;
  std::string text;
  if ((events & kNotifyAll) == kNotifyAll) {
    text = "A";  // as in Redis, a new-key event beside it is not shown
  } else {
    for (auto [letter, bits] : kEventLetters) {
      if (events & bits) text += letter;
    }
  }
  for (auto [letter, bits] : kPlaceLetters) {
    if (events & bits) text += letter;
  }
  return text;
}

Refusal SetPercentiles(Words args, ShardConfig& config) {
  std::vector<double> percentiles;
  if (!IsSingleEmpty(args)) {
    for (const std::string& word : args) {
      double value = 0;
      auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || end != word.data() + word.size() || std::isnan(value)) {
        return "Invalid latency-tracking-info-percentiles parameters";
      }
      if (value < 0.0 || value > 100.0) {
        return "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
      }
      percentiles.push_back(value);
    }
  }
  config.latency_tracking_info_percentiles = std::move(percentiles);
  return std::nullopt;
}

std::string GetPercentiles(const ShardConfig& config) {
  std::string text;
  for (double percentile : config.latency_tracking_info_percentiles) {
    char shortest[32];
    auto [end, error] = std::to_chars(shortest, shortest + sizeof shortest, percentile);
    if (!text.empty()) text += ' ';
    text.append(shortest, end);
  }
  return text;
}

Refusal SetReplicaof(Words args, ShardConfig& config) {
  if (IsSingleEmpty(args) ||
      (args.size() == 2 && Lower(args[0]) == "no" && Lower(args[1]) == "one")) {
    config.replicaof_host.clear();
    config.replicaof_port = 0;
    return std::nullopt;
  }
  if (args.size() != 2) return "wrong number of arguments";
  auto port = ParseInteger(args[1]);
  if (!port || *port < 0 || *port > 65535) return "Invalid master port";
  config.replicaof_host = args[0];
  config.replicaof_port = *port;
  return std::nullopt;
}

std::string GetReplicaof(const ShardConfig& config) {
  if (config.replicaof_host.empty()) return "";
  return config.replicaof_host + ' ' + std::to_string(config.replicaof_port);
}

Refusal SetUser(Words args, ShardConfig& config) {
  if (IsSingleEmpty(args)) return "wrong number of arguments";
  std::string rule = Join({args.begin(), args.end()});
  for (const std::string& known : config.acl_users) {
    if (known.substr(0, known.find(' ')) == args[0]) {
      return "Error in user declaration '" + args[0] +
             "': Duplicate user found. A user can only be defined once in config files";
    }
  }
  config.acl_users.push_back(std::move(rule));
  return std::nullopt;
}

std::string GetUsers(const ShardConfig& config) {
  std::string rules;
  for (const std::string& rule : config.acl_users) rules += (rules.empty() ? "" : ", ") + rule;
  return rules;
}

Refusal SetReplicasToAck(std::span<const std::string> args, ShardConfig& config) {
  constexpr std::int64_t kMax = 1000;
  const std::string& text = args.front();
  if (text == "majority") {
    config.min_replicas_to_ack = -1;
    return std::nullopt;
  }
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  if (!is_number || count < 0 || count > kMax) {
    return "argument must be 'majority' or between 0 and 1000 inclusive";
  }
  config.min_replicas_to_ack = count;
  return std::nullopt;
}

std::string GetReplicasToAck(const ShardConfig& config) {
  return config.min_replicas_to_ack < 0 ? "majority" : std::to_string(config.min_replicas_to_ack);
}

constexpr std::pair<std::string_view, uint32_t> kShutdownOptions[] = {
    {"default", 0},
    {"save", kShutdownSave},
    {"nosave", kShutdownNosave},
    {"now", kShutdownNow},
    {"force", kShutdownForce},
};

Refusal ReadShutdownOptions(Words args, uint32_t& options) {
  options = 0;
  for (const std::string& word : args) {
    const auto* found =
        std::find_if(std::begin(kShutdownOptions), std::end(kShutdownOptions),
                     [&](const auto& option) { return option.first == Lower(word); });
    if (found == std::end(kShutdownOptions)) {
      return "argument(s) must be one of the following: default, save, nosave, now, force";
    }
    options |= found->second;
  }
  if ((options & kShutdownSave) && (options & kShutdownNosave)) {
    return "shutdown options SAVE and NOSAVE can't be used simultaneously";
  }
  return std::nullopt;
}

std::string ShutdownOptionsText(uint32_t options) {
  std::string text;
  for (const auto& [name, bit] : kShutdownOptions) {
    if ((options & bit) == 0) continue;
    if (!text.empty()) text += ' ';
    text += name;
  }
  return text.empty() ? "default" : text;
}

template <uint32_t ShardConfig::*Member>
Refusal SetShutdownOptions(Words args, ShardConfig& config) {
  return ReadShutdownOptions(args, config.*Member);
}

template <uint32_t ShardConfig::*Member>
std::string GetShutdownOptions(const ShardConfig& config) {
  return ShutdownOptionsText(config.*Member);
}

Refusal CheckPlainName(std::string_view setting, std::string_view name) {
  if (name.find('/') == std::string_view::npos) return std::nullopt;
  return std::string(setting) + " can't be a path, just a filename";
}

}  // namespace

const CustomField kBindField = {SetBind, GetBind};
const CustomField kUnixSocketPermField = {SetUnixSocketPerm, GetUnixSocketPerm};
const CustomField kSaveField = {SetSave, GetSave};
const CustomField kClientOutputField = {SetClientOutput, GetClientOutput};
const CustomField kReplicasToAckField = {SetReplicasToAck, GetReplicasToAck};
const CustomField kKeyspaceEventsField = {SetKeyspaceEvents, GetKeyspaceEvents};
const CustomField kPercentilesField = {SetPercentiles, GetPercentiles};
const CustomField kReplicaofField = {SetReplicaof, GetReplicaof};
const CustomField kShutdownOnSigintField = {SetShutdownOptions<&ShardConfig::shutdown_on_sigint>,
                                            GetShutdownOptions<&ShardConfig::shutdown_on_sigint>};
const CustomField kShutdownOnSigtermField = {SetShutdownOptions<&ShardConfig::shutdown_on_sigterm>,
                                             GetShutdownOptions<&ShardConfig::shutdown_on_sigterm>};
const CustomField kUserField = {SetUser, GetUsers};

std::optional<std::string> CheckSnapshotName(std::string_view name) {
  return CheckPlainName("dbfilename", name);
}

std::optional<std::string> CheckAppendFileName(std::string_view name) {
  if (name.empty()) return "appendfilename can't be empty";
  return CheckPlainName("appendfilename", name);
}

std::optional<std::string> CheckAppendDirName(std::string_view name) {
  if (name.empty()) return "appenddirname can't be empty";
  if (name.find('/') == std::string_view::npos) return std::nullopt;
  return "appenddirname can't be a path, just a dirname";
}

std::optional<std::string> CheckAnnouncedHostname(std::string_view name) {
  if (name.size() > kHostnameMax) return "Hostnames must be less than 256 characters";
  for (char c : name) {
    bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                c == '-' || c == '.';
    if (!fits) return "Hostnames may only contain alphanumeric characters, hyphens or dots";
  }
  return std::nullopt;
}

std::optional<std::string> CheckPeers(std::string_view list) {
  auto peers = ParsePeerList(list);
  return peers ? std::nullopt : std::optional(peers.error().text);
}

std::optional<std::string> CheckDirectory(std::string_view path) {
  std::error_code error;
  auto status = std::filesystem::status(std::filesystem::path(path), error);
  if (!std::filesystem::exists(status)) return std::strerror(ENOENT);
  if (!std::filesystem::is_directory(status)) return std::strerror(ENOTDIR);
  return std::nullopt;
}

}  // namespace slotway::config
