// SPDX-License-Identifier: Apache-2.0
// A shard's settings while it runs: where they come from, and what CONFIG does to them.
//
// One thread (the engine's). Sources are applied in the order given and later ones win. A failed
// read or Set leaves every value as it was. Error texts of Set are Redis's, complete ("ERR ...").
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

#include "config/config_error.h"
#include "config/shard_config.h"

namespace slotway::config {

class ShardSettings {
 public:
  using NameAndValue = std::pair<std::string, std::string>;
  // protocol::GlobMatchesNoCase fits; passed in since this layer knows no Redis protocol.
  using Matcher = bool (*)(std::string_view pattern, std::string_view text);
  // Makes new values take effect; `values` already holds them. An answer is the reason why it
  // cannot be done: the whole Set is then undone (and appliers already run, this one too, are run
  // again).
  using Applier = std::function<std::optional<std::string>(const ShardConfig& values)>;

  ShardSettings() = default;
  explicit ShardSettings(ShardConfig defaults) : values_(std::move(defaults)) {}

  const ShardConfig& values() const { return values_; }

  // The arguments of slotway-shard after the program's name: `[FILE | -] [--name value...]...`.
  // FILE ending in .yaml or .yml is YAML, any other is redis.conf syntax, '-' is redis.conf syntax
  // on standard input. Later sources win. Validates, and makes `dir` absolute.
  static tl::expected<ShardSettings, ConfigError> FromCommandLine(
      std::span<const std::string> args);

  // Beside the schema's names, files may say `requirepass-file` and `masterauth-file`: paths,
  // relative to the settings file, of files that hold the secret. redis.conf syntax also knows
  // `include`.
  std::optional<ConfigError> ApplyYaml(std::string_view yaml, const std::string& file);
  std::optional<ConfigError> ApplyRedisConf(std::string_view text, const std::string& file);
  std::optional<ConfigError> ApplyOptions(std::span<const std::string> options);
  std::optional<ConfigError> ApplyFile(const std::filesystem::path& file);
  // What no single value can show; to be called once all sources are read. Brings values that
  // Redis takes but bends (hz, repl-backlog-size) into their bounds.
  std::optional<ConfigError> Validate();

  // CONFIG GET for one or several patterns: each matching name once, aliases included.
  std::vector<NameAndValue> Get(std::span<const std::string_view> patterns, Matcher matches) const;
  std::vector<NameAndValue> Get(std::string_view pattern, Matcher matches) const;

  // CONFIG SET name value [name value ...]: all or none. Nothing when done, else the error reply.
  // An odd word at the end is the caller's syntax error.
  using Change = std::pair<std::string_view, std::string_view>;
  std::optional<std::string> Set(std::span<const Change> changes, bool from_loopback = false);
  std::optional<std::string> Set(std::string_view name, std::string_view value);
  // Called by Set when one of the names is set; several names may share an applier.
  void OnSet(std::span<const std::string_view> names, Applier apply);

  // The users as they are now, for Rewrite(): lines of `user`, without that word.
  void SetUsers(std::vector<std::string> users) { values_.acl_users = std::move(users); }
  // CONFIG REWRITE: nothing when done, else the error reply. Keeps comments, order and unknown
  // lines of the file it was read from.
  std::optional<std::string> Rewrite() const;
  // Absolute path of the file given on the command line; empty when there was none.
  const std::string& config_file() const { return config_file_; }

 private:
  struct Applied {
    std::vector<std::string> names;
    Applier apply;
  };

  ShardConfig values_;
  std::string config_file_;
  // What a `...-file` directive supplied, by setting: CONFIG REWRITE does not write it out.
  std::map<std::string, std::string, std::less<>> secrets_from_files_;
  std::vector<Applied> appliers_;
};

}  // namespace slotway::config
