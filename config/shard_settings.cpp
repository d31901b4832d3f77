// SPDX-License-Identifier: Apache-2.0
#include "config/shard_settings.h"

#include <algorithm>
#include <set>

#include "config/redis_conf.h"
#include "config/shard_schema.h"

namespace slotway::config {
namespace {

constexpr int64_t kHzMin = 1, kHzMax = 500;
constexpr int64_t kBacklogMinBytes = 16 * 1024;
constexpr int64_t kBusPortOffset = 10000;

// Values that are taken, but not to the letter.
void Normalize(ShardConfig& config) {
  config.hz = std::clamp(config.hz, kHzMin, kHzMax);
  config.repl_backlog_size = std::max(config.repl_backlog_size, kBacklogMinBytes);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string SetFailed(std::string_view name, std::string_view reason) {
  return "ERR CONFIG SET failed (possibly related to argument '" + std::string(name) + "') - " +
         std::string(reason);
}

}  // namespace

std::vector<ShardSettings::NameAndValue> ShardSettings::Get(
    std::span<const std::string_view> patterns, Matcher matches) const {
  std::vector<NameAndValue> found;
  std::set<std::string> taken;
  auto take = [&](std::string_view shown, const Setting& setting) {
    if (taken.insert(Lower(shown)).second) {
      found.emplace_back(shown, setting.Is(kSecret) ? "" : FormatValue(setting, values_));
    }
  };
  for (std::string_view pattern : patterns) {
    if (pattern.find_first_of("[*?") == std::string_view::npos) {
      const Setting* setting = FindSetting(pattern);
      if (setting && !setting->Is(kFileOnly)) take(pattern, *setting);
      continue;
    }
    for (const Setting& setting : ShardSchema()) {
      if (setting.Is(kHidden) || setting.Is(kFileOnly)) continue;
      if (matches(pattern, setting.name)) take(setting.name, setting);
      if (!setting.alias.empty() && matches(pattern, setting.alias)) take(setting.alias, setting);
    }
  }
  return found;
}

std::vector<ShardSettings::NameAndValue> ShardSettings::Get(std::string_view pattern,
                                                            Matcher matches) const {
  return Get(std::span(&pattern, 1), matches);
}

std::optional<std::string> ShardSettings::Set(std::span<const Change> changes, bool from_loopback) {
  bool may_set_protected = values_.enable_protected_configs == LocalOnly::kYes ||
                           (values_.enable_protected_configs == LocalOnly::kLocal && from_loopback);
  std::vector<std::string> names;
  for (const auto& [name, value] : changes) {
    const Setting* setting = FindSetting(name);
    if (!setting || setting->Is(kFileOnly)) {
      return "ERR Unknown option or number of arguments for CONFIG SET - '" + std::string(name) +
             "'";
    }
    if (setting->Is(kImmutable)) {
      // Tools that set all that they do not know to be immutable must not fail here.
      const bool is_same = setting->Is(kOurs) && value == FormatValue(*setting, values_);
      if (!is_same) return SetFailed(name, "can't set immutable config");
    }
    if (setting->Is(kProtected) && !may_set_protected) {
      return SetFailed(name, "can't set protected config");
    }
    std::string lower = Lower(name);
    if (std::find(names.begin(), names.end(), lower) != names.end()) {
      return SetFailed(name, "duplicate parameter");
    }
    names.push_back(std::move(lower));
  }

  ShardConfig before = values_;
  ShardConfig changed = values_;
  for (const auto& [name, value] : changes) {
    const Setting& setting = *FindSetting(name);
    std::vector<std::string> args =
        setting.Is(kMultiArg) ? SplitOnSpaces(value) : std::vector<std::string>{std::string(value)};
    if (auto refusal = SetValue(setting, args, changed)) return SetFailed(name, *refusal);
  }
  Normalize(changed);
  values_ = std::move(changed);

  std::vector<const Applied*> done;
  for (const auto& [name, value] : changes) {
    std::string_view canonical = FindSetting(name)->name;
    for (const Applied& applied : appliers_) {
      bool concerns =
          std::find(applied.names.begin(), applied.names.end(), canonical) != applied.names.end();
      if (!concerns || std::find(done.begin(), done.end(), &applied) != done.end()) continue;
      auto reason = applied.apply(values_);
      if (!reason) {
        done.push_back(&applied);
        continue;
      }
      values_ = std::move(before);
      done.push_back(&applied);
      for (const Applied* undone : done) undone->apply(values_);
      return SetFailed(name, *reason);
    }
  }
  return std::nullopt;
}

std::optional<std::string> ShardSettings::Set(std::string_view name, std::string_view value) {
  Change change{name, value};
  return Set(std::span(&change, 1));
}

void ShardSettings::OnSet(std::span<const std::string_view> names, Applier apply) {
  Applied applied;
  for (std::string_view name : names) {
    const Setting* setting = FindSetting(name);
    applied.names.emplace_back(setting ? setting->name : name);
  }
  applied.apply = std::move(apply);
  appliers_.push_back(std::move(applied));
}

std::optional<ConfigError> ShardSettings::Validate() {
  Normalize(values_);
  auto complain = [](std::string text) { return ConfigError{"", 0, std::move(text)}; };
  const ShardConfig& config = values_;
  if (config.cluster_enabled && !config.replicaof_host.empty()) {
    return complain("replicaof directive not allowed in cluster mode");
  }
  if (config.cluster_enabled && config.cluster_config_file.empty()) {
    return complain("cluster-config-file: needs a file name");
  }
  if (config.cluster_peers.empty() != (config.cluster_nodes == 0)) {
    return complain("cluster-peers: goes together with cluster-nodes");
  }
  if (config.cluster_nodes != 0 && config.cluster_nodes <= config.cluster_replicas) {
    return complain("cluster-nodes: fewer than a master and its cluster-replicas");
  }
  // The one that other nodes are told first.
  const std::int64_t port = config.tls_cluster ? config.tls_port : config.port;
  if (config.cluster_enabled && port == 0) {
    return complain(config.tls_cluster ? "tls-port: must not be 0 with tls-cluster"
                                       : "port: must not be 0 in cluster mode");
  }
  if (config.cluster_enabled && config.cluster_port == 0 && port + kBusPortOffset > 65535) {
    return complain("cluster-port: must be set, since port + 10000 is above 65535");
  }
  if (!config.aclfile.empty() && !config.acl_users.empty()) {
    return complain("aclfile and user cannot both be set");
  }
  return std::nullopt;
}

}  // namespace slotway::config
