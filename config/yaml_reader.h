// SPDX-License-Identifier: Apache-2.0
// Typed reading of YAML settings in which every error names file, line and setting.
//
// YamlDocument owns the text's tree, the lines of all settings and the errors; YamlSection is one
// map of it. Fields that are absent keep the value they have, so a struct's defaults are the
// defaults. The first error by line wins and nothing throws out of here. Keys that nobody read
// are errors. `${NAME}` is plain text: environment variables are not expanded. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#include <yaml-cpp/yaml.h>

#include "config/config_error.h"

namespace slotway::config {

class YamlDocument;

enum class TimeUnit { kMilliseconds, kSeconds };

class YamlSection {
 public:
  template <typename Enum>
  using Names = std::span<const std::pair<std::string_view, Enum>>;

  YamlSection(YamlDocument& document, YAML::Node map, std::string path);

  void Read(std::string_view key, std::string& field);
  // yes, no, true, false, on, off
  void Read(std::string_view key, bool& field);
  template <typename Int>
  requires(std::is_integral_v<Int> &&
           !std::is_same_v<Int, bool>) void Read(std::string_view key, Int& field, int64_t min = 0,
                                                 int64_t max = LargestOf<Int>()) {
    int64_t value = 0;
    if (ReadInteger(key, value, min, max)) field = static_cast<Int>(value);
  }
  // `512mb`
  void ReadSize(std::string_view key, uint64_t& field, uint64_t min = 0);
  // `30s`, `250ms`; a bare number counts `unit`. The field counts `unit`, too.
  void ReadDuration(std::string_view key, uint32_t& field, TimeUnit unit);
  template <typename Enum>
  void ReadEnum(std::string_view key, Enum& field, Names<Enum> names) {
    std::vector<std::string_view> words;
    for (const auto& [word, value] : names) words.push_back(word);
    if (auto index = ReadWord(key, words)) field = names[*index].second;
  }
  void ReadStrings(std::string_view key, std::vector<std::string>& field);
  // Octal digits as chmod takes them.
  void ReadPermissions(std::string_view key, uint32_t& field);
  // A path, relative to the settings file; the field is not.
  void ReadPath(std::string_view key, std::string& field);
  // `password`, or `password_file` (a path, relative to the settings file; the field is not) for
  // ReadPasswordFile().
  void ReadPassword(std::string& password, std::string& password_file,
                    std::string* previous = nullptr);

  // Only by such a file; none is named: the secret stays empty.
  void ReadSecret(std::string_view key, std::string& secret, std::string& secret_file);

  void Section(std::string_view key, const std::function<void(YamlSection&)>& read);
  // A list of maps.
  void Each(std::string_view key, const std::function<void(YamlSection&)>& read);
  // A map of maps whose names are free.
  void EachNamed(std::string_view key,
                 const std::function<void(const std::string& name, YamlSection&)>& read);

  // A map of plain values whose names are free.
  void EachEntry(std::string_view key,
                 const std::function<void(std::string name, std::string value)>& read);

  bool Has(std::string_view key) const;
  void Fail(std::string_view key, std::string text);
  // Reports keys that nobody asked for. Section and Each do it themselves.
  void Finish();

 private:
  template <typename Int>
  static constexpr int64_t LargestOf() {
    return sizeof(Int) >= sizeof(int64_t) ? std::numeric_limits<int64_t>::max()
                                          : static_cast<int64_t>(std::numeric_limits<Int>::max());
  }

  std::optional<YAML::Node> Find(std::string_view key);
  // The scalar's text; nothing when absent, or reported when it is no scalar.
  std::optional<std::string> Scalar(std::string_view key);
  bool ReadInteger(std::string_view key, int64_t& value, int64_t min, int64_t max);
  std::optional<size_t> ReadWord(std::string_view key, std::span<const std::string_view> words);
  std::string PathOf(std::string_view key) const;

  YamlDocument& document_;
  YAML::Node map_;
  std::string path_;
  std::vector<std::string> known_;
};

class YamlDocument {
 public:
  YamlDocument(std::string_view text, std::string file);

  // The outermost map; read it, Finish it, then ask for the error.
  YamlSection Root();
  std::optional<ConfigError> error() const { return error_; }
  const std::string& file() const { return file_; }

  // The outermost map's entries in the order of the text.
  struct Entry {
    std::string name;
    YAML::Node value;
    int line;
  };
  std::vector<Entry> Entries() const;
  // 0 when the document does not hold it.
  int LineOf(const std::string& path) const;
  void Report(int line, std::string text);

 private:
  friend class YamlSection;
  void RememberLines(const YAML::Node& node, const std::string& path);

  std::string file_;
  YAML::Node root_;
  std::map<std::string, int> lines_;
  std::optional<ConfigError> error_;
};

// The whole file, or why not.
std::optional<ConfigError> ReadFile(const std::string& file, std::string& text);
// A file's content less the newline at its end; answers why not.
std::optional<std::string> ReadSecretFile(const std::string& settings_file,
                                          const std::string& secret_file, std::string& secret);

// The password, and if `previous` is given: the one before it, which a second line holds, or nothing.
std::optional<std::string> ReadPasswordFile(const std::string& file, std::string& password,
                                            std::string* previous);

}  // namespace slotway::config
