// SPDX-License-Identifier: Apache-2.0
// Where a shard's settings come from: YAML, redis.conf syntax, command line options.
#include <algorithm>
#include <filesystem>
#include <functional>
#include <glob.h>
#include <iostream>
#include <iterator>
#include <set>

#include "config/nearest_name.h"
#include "config/redis_conf.h"
#include "config/shard_schema.h"
#include "config/shard_settings.h"
#include "config/yaml_reader.h"

namespace slotway::config {
namespace {

constexpr int kIncludeDepthMax = 16;
constexpr std::string_view kFileSuffix = "-file";
constexpr std::string_view kSecrets[] = {"requirepass", "masterauth"};
using Secrets = std::map<std::string, std::string, std::less<>>;

std::string UnknownSetting(std::string_view name) {
  std::vector<std::string_view> names;
  for (const Setting& setting : ShardSchema()) {
    names.push_back(setting.name);
    if (!setting.alias.empty()) names.push_back(setting.alias);
  }
  return "unknown setting '" + std::string(name) + "'" + Suggestion(name, names);
}

// "requirepass" for "requirepass-file", else nothing.
std::optional<std::string_view> SecretOf(std::string_view name) {
  for (std::string_view secret : kSecrets) {
    if (name.size() == secret.size() + kFileSuffix.size() && name.starts_with(secret) &&
        name.ends_with(kFileSuffix)) {
      return secret;
    }
  }
  return std::nullopt;
}

// One source being applied to a copy of the settings.
class Source {
 public:
  Source(ShardConfig& config, Secrets& secrets) : config_(config), secrets_(secrets) {}

  // The reason why the line is refused, or nothing.
  std::optional<std::string> Apply(const std::string& file, std::string_view name,
                                   std::vector<std::string> args) {
    if (auto secret = SecretOf(name)) return ApplySecret(file, *secret, args);
    const Setting* setting = FindSetting(name);
    if (!setting) return UnknownSetting(name);
    const bool may_be_again = setting->Is(kRepeats) && !setting->Is(kFileOnly);
    if (may_be_again && !seen_.insert(setting).second) AddEarlier(*setting, args);
    auto refusal = SetValue(*setting, args, config_);
    if (refusal) return std::string(setting->name) + ": " + *refusal;
    secrets_.erase(std::string(setting->name));
    return std::nullopt;
  }

 private:
  std::optional<std::string> ApplySecret(const std::string& file, std::string_view secret,
                                         const std::vector<std::string>& args) {
    std::string name = std::string(secret) + std::string(kFileSuffix) + ": ";
    if (args.size() != 1 || args[0].empty()) return name + "needs the path of a file";
    std::string value;
    if (auto reason = ReadSecretFile(file, args[0], value)) return name + *reason;
    std::vector<std::string> words = {value};
    if (auto refusal = SetValue(*FindSetting(secret), words, config_)) return name + *refusal;
    secrets_.insert_or_assign(std::string(secret), value);
    return std::nullopt;
  }

  // A second `save` line of one source adds to the first; `save ""` clears.
  void AddEarlier(const Setting& setting, std::vector<std::string>& args) {
    std::string earlier = FormatValue(setting, config_);
    if (earlier.empty() || args.empty() || (args.size() == 1 && args[0].empty())) return;
    std::vector<std::string> words = SplitOnSpaces(earlier);
    args.insert(args.begin(), words.begin(), words.end());
  }

  ShardConfig& config_;
  Secrets& secrets_;
  std::set<const Setting*> seen_;
};

std::vector<std::string> YamlWords(const Setting* setting, const std::string& text) {
  if (setting && setting->Is(kMultiArg)) return SplitOnSpaces(text);
  if (setting && !setting->Is(kMultiArg)) {
    bool is_bool = std::holds_alternative<BoolField>(setting->field);
    if (auto* advice = std::get_if<AdviceField>(&setting->field)) {
      is_bool = advice->kind == AdviceField::Kind::kBool;
    }
    if (is_bool && (text == "true" || text == "on")) return {"yes"};
    if (is_bool && (text == "false" || text == "off")) return {"no"};
  }
  return {text};
}

std::optional<std::string> ApplyYamlEntry(Source& source, const std::string& file,
                                          const std::string& name, const YAML::Node& value) {
  const Setting* setting = FindSetting(name);
  if (value.IsScalar()) return source.Apply(file, name, YamlWords(setting, value.Scalar()));
  if (!setting && !SecretOf(name)) return UnknownSetting(name);
  if (value.IsNull()) return name + ": needs a value (\"\" for none)";
  if (!value.IsSequence() || !setting || !setting->Is(kMultiArg)) {
    return name + ": needs a single value";
  }
  std::vector<std::string> all;
  for (const auto& item : value) {
    if (!item.IsScalar()) return name + ": needs a list of plain values";
    std::vector<std::string> words = SplitOnSpaces(item.Scalar());
    if (setting->Is(kRepeats)) {
      if (auto refusal = source.Apply(file, name, std::move(words))) return refusal;
      continue;
    }
    all.insert(all.end(), words.begin(), words.end());
  }
  if (setting->Is(kRepeats) && value.size() > 0) return std::nullopt;
  return source.Apply(file, name, std::move(all));
}

class ConfReader {
 public:
  explicit ConfReader(Source& source) : source_(source) {}

  std::optional<ConfigError> Read(std::string_view text, const std::string& file, int depth) {
    int line_number = 0;
    while (!text.empty()) {
      size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      ++line_number;
      auto words = SplitConfLine(line);
      if (!words) return ConfigError{file, line_number, "unbalanced quotes"};
      if (words->empty()) continue;
      std::string name = std::move(words->front());
      words->erase(words->begin());
      if (auto error = ApplyLine(file, line_number, name, *std::move(words), depth)) return error;
    }
    return std::nullopt;
  }

 private:
  std::optional<ConfigError> ApplyLine(const std::string& file, int line, const std::string& name,
                                       std::vector<std::string> args, int depth) {
    if (name == "include") {
      if (args.size() != 1) return ConfigError{file, line, "include: needs one path"};
      return Include(file, line, args[0], depth);
    }
    const Setting* setting = FindSetting(name);
    if (setting && setting->Is(kMultiArg)) {
      // Nothing is a list, too: no save points, no addresses.
      const bool is_list = !std::holds_alternative<AdviceField>(setting->field);
      if (args.empty() && !is_list) {
        return ConfigError{file, line, name + ": wrong number of arguments"};
      }
      if (args.size() == 1 && !args[0].empty()) args = SplitOnSpaces(args[0]);
    }
    auto refusal = source_.Apply(file, name, std::move(args));
    if (refusal) return ConfigError{file, line, *std::move(refusal)};
    return std::nullopt;
  }

  std::optional<ConfigError> Include(const std::string& file, int line, const std::string& pattern,
                                     int depth) {
    if (depth >= kIncludeDepthMax) {
      return ConfigError{file, line, "include: nested too deeply: " + pattern};
    }
    std::vector<std::string> paths;
    glob_t found{};
    if (pattern.find_first_of("*?[") == std::string::npos) {
      paths.push_back(pattern);
    } else if (glob(pattern.c_str(), 0, nullptr, &found) == 0) {
      paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
    }
    globfree(&found);
    for (const std::string& path : paths) {
      std::string text;
      if (auto error = ReadFile(path, text)) {
        return ConfigError{file, line, "include: " + error->Render()};
      }
      if (auto error = Read(text, path, depth + 1)) return error;
    }
    return std::nullopt;
  }

  Source& source_;
};

bool IsYaml(const std::string& file) { return file.ends_with(".yaml") || file.ends_with(".yml"); }

}  // namespace

std::optional<ConfigError> ShardSettings::ApplyYaml(std::string_view yaml,
                                                    const std::string& file) {
  YamlDocument document(yaml, file);
  if (auto error = document.error()) return error;
  ShardConfig changed = values_;
  Secrets secrets = secrets_from_files_;
  Source source(changed, secrets);
  std::set<std::string> seen;
  for (const auto& [name, value, line] : document.Entries()) {
    if (!seen.insert(name).second) return ConfigError{file, line, name + ": is set twice"};
    if (auto refusal = ApplyYamlEntry(source, file, name, value)) {
      return ConfigError{file, line, *std::move(refusal)};
    }
  }
  values_ = std::move(changed);
  secrets_from_files_ = std::move(secrets);
  return std::nullopt;
}

std::optional<ConfigError> ShardSettings::ApplyRedisConf(std::string_view text,
                                                         const std::string& file) {
  ShardConfig changed = values_;
  Secrets secrets = secrets_from_files_;
  Source source(changed, secrets);
  if (auto error = ConfReader(source).Read(text, file, 0)) return error;
  values_ = std::move(changed);
  secrets_from_files_ = std::move(secrets);
  return std::nullopt;
}

std::optional<ConfigError> ShardSettings::ApplyOptions(std::span<const std::string> options) {
  const std::string place = "command line";
  ShardConfig changed = values_;
  Secrets secrets = secrets_from_files_;
  Source source(changed, secrets);
  size_t i = 0;
  while (i < options.size()) {
    std::string_view option = options[i];
    if (!option.starts_with("--") || option.size() == 2) {
      return ConfigError{place, 0, "'" + options[i] + "' is no option: options begin with --"};
    }
    auto words = SplitConfLine(option.substr(2));  // "--port 7000" may be one argument
    if (!words || words->empty()) return ConfigError{place, 0, "unbalanced quotes: " + options[i]};
    std::string name = words->front();
    words->erase(words->begin());
    // The first word after a name is its value, whatever it looks like; `--save --port 1` is the
    // one exception Redis makes.
    bool is_bare_save = words->empty() && name == "save" &&
                        (i + 1 == options.size() || options[i + 1].starts_with("--"));
    if (is_bare_save) words->push_back("");
    ++i;
    while (i < options.size() && (words->empty() || !options[i].starts_with("--"))) {
      words->push_back(options[i++]);
    }
    const Setting* setting = FindSetting(name);
    if (setting && setting->Is(kMultiArg) && words->size() == 1 && !words->front().empty()) {
      words = SplitOnSpaces(words->front());
    }
    if (auto refusal = source.Apply("", name, *std::move(words))) {
      return ConfigError{place, 0, *std::move(refusal)};
    }
  }
  values_ = std::move(changed);
  secrets_from_files_ = std::move(secrets);
  return std::nullopt;
}

std::optional<ConfigError> ShardSettings::ApplyFile(const std::filesystem::path& file) {
  std::string text;
  if (auto error = ReadFile(file.string(), text)) return error;
  return IsYaml(file.string()) ? ApplyYaml(text, file.string())
                               : ApplyRedisConf(text, file.string());
}

tl::expected<ShardSettings, ConfigError> ShardSettings::FromCommandLine(
    std::span<const std::string> args) {
  ShardSettings settings;
  if (!args.empty() && !args[0].starts_with("--")) {
    std::optional<ConfigError> error;
    if (args[0] == "-") {
      std::string text(std::istreambuf_iterator<char>(std::cin), {});
      error = settings.ApplyRedisConf(text, "standard input");
    } else {
      error = settings.ApplyFile(args[0]);
      settings.config_file_ = std::filesystem::absolute(args[0]).lexically_normal().string();
    }
    if (error) return tl::unexpected(*std::move(error));
    args = args.subspan(1);
  }
  if (auto error = settings.ApplyOptions(args)) return tl::unexpected(*std::move(error));
  if (auto error = settings.Validate()) return tl::unexpected(*std::move(error));
  std::error_code ignored;  // it was a directory a moment ago; else it stays as it is
  auto directory = std::filesystem::canonical(settings.values_.dir, ignored);
  if (!ignored) settings.values_.dir = directory.string();
  return settings;
}

}  // namespace slotway::config
