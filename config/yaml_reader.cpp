// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/nearest_name.h"
#include "config/quantity.h"

namespace slotway::config {
namespace {

constexpr size_t kSecretMax = 64 * 1024;

int LineOfNode(const YAML::Node& node) { return node.Mark().is_null() ? 0 : node.Mark().line + 1; }

std::string Join(std::span<const std::string_view> words) {
  std::string joined;
  for (std::string_view word : words) {
    if (!joined.empty()) joined += ", ";
    joined += word;
  }
  return joined;
}

// A relative path is one from where the settings file is.
std::string BesideSettings(const std::string& settings_file, const std::string& file) {
  const std::filesystem::path path = file;
  if (path.is_absolute()) return file;
  return (std::filesystem::path(settings_file).parent_path() / path).string();
}

}  // namespace

YamlSection::YamlSection(YamlDocument& document, YAML::Node map, std::string path)
    : document_(document), map_(std::move(map)), path_(std::move(path)) {}

std::string YamlSection::PathOf(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

bool YamlSection::Has(std::string_view key) const { return document_.LineOf(PathOf(key)) != 0; }

void YamlSection::Fail(std::string_view key, std::string text) {
  std::string path = PathOf(key);
  int line = document_.LineOf(path);
  if (line == 0) line = document_.LineOf(path_);
  document_.Report(line, path + ": " + std::move(text));
}

std::optional<YAML::Node> YamlSection::Find(std::string_view key) {
  known_.emplace_back(key);
  if (!map_.IsMap()) return std::nullopt;
  for (const auto& entry : map_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == key) return entry.second;
  }
  return std::nullopt;
}

std::optional<std::string> YamlSection::Scalar(std::string_view key) {
  auto node = Find(key);
  if (!node) return std::nullopt;
  if (node->IsScalar()) return node->Scalar();
  Fail(key, node->IsNull() ? "needs a value" : "needs a single value");
  return std::nullopt;
}

void YamlSection::Read(std::string_view key, std::string& field) {
  if (auto text = Scalar(key)) field = *text;
}

void YamlSection::Read(std::string_view key, bool& field) {
  auto text = Scalar(key);
  if (!text) return;
  std::string lower = *text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "yes" || lower == "true" || lower == "on") {
    field = true;
  } else if (lower == "no" || lower == "false" || lower == "off") {
    field = false;
  } else {
    Fail(key, "needs yes or no, not '" + *text + "'");
  }
}

bool YamlSection::ReadInteger(std::string_view key, int64_t& value, int64_t min, int64_t max) {
  auto text = Scalar(key);
  if (!text) return false;
  auto number = ParseInteger(*text);
  if (!number) {
    Fail(key, "needs a whole number, not '" + *text + "'");
    return false;
  }
  if (*number < min || *number > max) {
    Fail(key, "must be between " + std::to_string(min) + " and " + std::to_string(max) + ", not " +
                  *text);
    return false;
  }
  value = *number;
  return true;
}

void YamlSection::ReadSize(std::string_view key, uint64_t& field, uint64_t min) {
  auto text = Scalar(key);
  if (!text) return;
  auto bytes = text->empty() ? std::nullopt : ParseSize(*text);
  if (!bytes) {
    Fail(key, "needs a size like 512mb, not '" + *text + "'");
  } else if (*bytes < min) {
    Fail(key, "must be at least " + std::to_string(min) + " bytes, not " + *text);
  } else {
    field = *bytes;
  }
}

void YamlSection::ReadDuration(std::string_view key, uint32_t& field, TimeUnit unit) {
  auto text = Scalar(key);
  if (!text) return;
  uint64_t unit_us = unit == TimeUnit::kMilliseconds ? 1000 : 1000000;
  auto us = ParseDurationUs(*text, unit_us);
  if (!us) {
    Fail(key, "needs a time like 30s or 250ms, not '" + *text + "'");
  } else if (*us % unit_us != 0) {
    Fail(key, unit_us == 1000 ? "counts whole milliseconds" : "counts whole seconds");
  } else if (*us / unit_us > std::numeric_limits<uint32_t>::max()) {
    Fail(key, "is too long a time: '" + *text + "'");
  } else {
    field = static_cast<uint32_t>(*us / unit_us);
  }
}

std::optional<size_t> YamlSection::ReadWord(std::string_view key,
                                            std::span<const std::string_view> words) {
  auto text = Scalar(key);
  if (!text) return std::nullopt;
  auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<size_t>(found - words.begin());
  Fail(key, "must be one of " + Join(words) + ", not '" + *text + "'" + Suggestion(*text, words));
  return std::nullopt;
}

void YamlSection::ReadStrings(std::string_view key, std::vector<std::string>& field) {
  auto node = Find(key);
  if (!node) return;
  if (!node->IsSequence()) {
    Fail(key, "needs a list");
    return;
  }
  std::vector<std::string> strings;
  for (const auto& item : *node) {
    if (!item.IsScalar()) {
      document_.Report(LineOfNode(item), PathOf(key) + ": needs a list of plain values");
      return;
    }
    strings.push_back(item.Scalar());
  }
  field = std::move(strings);
}

void YamlSection::ReadPermissions(std::string_view key, uint32_t& field) {
  auto text = Scalar(key);
  if (!text) return;
  uint32_t value = 0;
  bool is_octal = !text->empty() && text->size() <= 4;
  for (char c : *text) {
    if (c < '0' || c > '7') is_octal = false;
    value = value * 8 + static_cast<uint32_t>(c - '0');
  }
  if (!is_octal || value > 0777) {
    Fail(key, "needs permissions like 700 or 0770, not '" + *text + "'");
  } else {
    field = value;
  }
}

void YamlSection::ReadPath(std::string_view key, std::string& field) {
  Read(key, field);
  if (!field.empty()) field = BesideSettings(document_.file(), field);
}

void YamlSection::ReadPassword(std::string& password, std::string& password_file,
                               std::string* previous) {
  Read("password", password);
  ReadPath("password_file", password_file);
  if (!Has("password_file") || password_file.empty()) return;
  if (Has("password")) {
    Fail("password_file", "password and password_file cannot both be set");
    return;
  }
  if (auto reason = ReadPasswordFile(password_file, password, previous)) {
    Fail("password_file", *reason);
  }
}

void YamlSection::ReadSecret(std::string_view key, std::string& secret, std::string& secret_file) {
  Read(key, secret_file);
  if (secret_file.empty()) return;
  if (auto reason = ReadSecretFile(document_.file(), secret_file, secret)) Fail(key, *reason);
}

void YamlSection::Section(std::string_view key, const std::function<void(YamlSection&)>& read) {
  auto node = Find(key);
  if (!node) return;
  if (node->IsNull()) return;  // a heading whose settings are all commented out
  if (!node->IsMap()) {
    Fail(key, "needs settings of its own below it");
    return;
  }
  YamlSection section(document_, *node, PathOf(key));
  read(section);
  section.Finish();
}

void YamlSection::Each(std::string_view key, const std::function<void(YamlSection&)>& read) {
  auto node = Find(key);
  if (!node) return;
  if (!node->IsSequence()) {
    Fail(key, "needs a list");
    return;
  }
  size_t index = 0;
  for (const auto& item : *node) {
    std::string path = PathOf(key) + '[' + std::to_string(index++) + ']';
    if (!item.IsMap()) {
      document_.Report(LineOfNode(item), path + ": needs settings of its own");
      return;
    }
    YamlSection section(document_, item, path);
    read(section);
    section.Finish();
  }
}

void YamlSection::EachNamed(
    std::string_view key,
    const std::function<void(const std::string& name, YamlSection&)>& read) {
  Section(key, [&](YamlSection& named) {
    for (const auto& entry : named.map_) {
      if (!entry.first.IsScalar()) continue;  // Finish() complains
      const std::string& name = entry.first.Scalar();
      named.Section(name, [&](YamlSection& section) { read(name, section); });
    }
  });
}

void YamlSection::EachEntry(
    std::string_view key,
    const std::function<void(std::string name, std::string value)>& read) {
  auto node = Find(key);
  if (!node || node->IsNull()) return;
  if (!node->IsMap()) {
    Fail(key, "needs 'name: value' lines below it");
    return;
  }
  std::set<std::string> seen;
  for (const auto& entry : *node) {
    if (!entry.first.IsScalar() || !entry.second.IsScalar()) {
      document_.Report(LineOfNode(entry.first), PathOf(key) + ": needs plain names and values");
      return;
    }
    if (!seen.insert(entry.first.Scalar()).second) {
      document_.Report(LineOfNode(entry.first),
                       PathOf(key) + '.' + entry.first.Scalar() + ": is set twice");
    }
    read(entry.first.Scalar(), entry.second.Scalar());
  }
}

void YamlSection::Finish() {
  if (!map_.IsMap()) return;
  std::vector<std::string_view> known(known_.begin(), known_.end());
  std::set<std::string> seen;
  for (const auto& entry : map_) {
    std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "?";
    int line = LineOfNode(entry.first);
    if (!seen.insert(name).second) {
      document_.Report(line, PathOf(name) + ": is set twice");
    } else if (std::find(known.begin(), known.end(), name) == known.end()) {
      document_.Report(line, "unknown setting '" + PathOf(name) + "'" + Suggestion(name, known));
    }
  }
}

YamlDocument::YamlDocument(std::string_view text, std::string file) : file_(std::move(file)) {
  try {
    root_ = YAML::Load(std::string(text));
    if (!root_.IsMap() && !root_.IsNull()) {
      Report(LineOfNode(root_), "settings must be 'name: value' lines");
    } else {
      RememberLines(root_, "");
    }
  } catch (const YAML::Exception& exception) {
    root_ = YAML::Node();
    Report(exception.mark.is_null() ? 0 : exception.mark.line + 1,
           "is not valid YAML: " + exception.msg);
  }
}

YamlSection YamlDocument::Root() { return YamlSection(*this, root_, ""); }

void YamlDocument::RememberLines(const YAML::Node& node, const std::string& path) {
  if (node.IsMap()) {
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) continue;
      const std::string& name = entry.first.Scalar();
      std::string inner = path.empty() ? name : path + '.' + name;
      lines_.emplace(inner, LineOfNode(entry.first));
      RememberLines(entry.second, inner);
    }
  } else if (node.IsSequence()) {
    size_t index = 0;
    for (const auto& item : node) {
      std::string inner = path + '[' + std::to_string(index++) + ']';
      lines_.emplace(inner, LineOfNode(item));
      RememberLines(item, inner);
    }
  }
}

std::vector<YamlDocument::Entry> YamlDocument::Entries() const {
  std::vector<Entry> entries;
  if (!root_.IsMap()) return entries;
  for (const auto& entry : root_) {
    entries.push_back({entry.first.IsScalar() ? entry.first.Scalar() : "?", entry.second,
                       LineOfNode(entry.first)});
  }
  return entries;
}

int YamlDocument::LineOf(const std::string& path) const {
  auto found = lines_.find(path);
  return found == lines_.end() ? 0 : found->second;
}

void YamlDocument::Report(int line, std::string text) {
  if (error_ && error_->line <= line) return;
  error_ = ConfigError{file_, line, std::move(text)};
}

std::optional<ConfigError> ReadFile(const std::string& file, std::string& text) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return ConfigError{file, 0, std::strerror(errno)};
  std::ostringstream content;
  content << stream.rdbuf();
  if (stream.bad() || (content.fail() && stream.peek() != EOF)) {
    return ConfigError{file, 0, "cannot be read"};
  }
  text = content.str();
  return std::nullopt;
}

std::optional<std::string> ReadSecretFile(const std::string& settings_file,
                                          const std::string& secret_file, std::string& secret) {
  const std::string path = BesideSettings(settings_file, secret_file);
  std::string text;
  if (auto error = ReadFile(path, text)) return error->Render();
  if (text.size() > kSecretMax) return path + ": is too large for a password";
  if (!text.empty() && text.back() == '\n') text.pop_back();
  if (!text.empty() && text.back() == '\r') text.pop_back();
  if (text.empty()) return path + ": holds no password";
  secret = std::move(text);
  return std::nullopt;
}

std::optional<std::string> ReadPasswordFile(const std::string& file, std::string& password,
                                            std::string* previous) {
  std::string text;
  if (auto reason = ReadSecretFile({}, file, text)) return reason;
  if (previous == nullptr) {
    password = std::move(text);
    return std::nullopt;
  }
  const size_t end = std::min(text.find('\n'), text.size());
  std::string first = text.substr(0, end);
  std::string second = text.substr(std::min(end + 1, text.size()));
  for (std::string* line : {&first, &second}) {
    if (!line->empty() && line->back() == '\r') line->pop_back();
  }
  if (first.empty()) return file + ": its first line holds no password";
  if (second.find('\n') != std::string::npos) return file + ": holds more than two lines";
  password = std::move(first);
  *previous = std::move(second);
  return std::nullopt;
}

}  // namespace slotway::config
