// SPDX-License-Identifier: Apache-2.0
#include "storage/persistence/aof_manifest.h"

#include <charconv>
#include <optional>
#include <utility>

#include "config/redis_conf.h"

namespace slotway::storage {
namespace {

void AppendLine(std::string& text, const AofFile& file, char type) {
  text.append("file ")
      .append(config::QuoteConfWord(file.name))
      .append(" seq ")
      .append(std::to_string(file.seq));
  text.append(" type ").push_back(type);
  text.push_back('\n');
}

constexpr std::string_view kNoForm = "is not 'file <name> seq <number> type <b|i|h>'";

// One line as it stands there; texts are empty where it says nothing.
struct Line {
  std::string name;
  std::string number;
  std::string type;
};

// Pairs of words, in any order; those of later versions are not for us.
std::optional<Line> SplitLine(std::string_view text) {
  constexpr std::size_t kWordsMin = 6;
  const auto words = config::SplitConfLine(text);
  if (!words || words->size() < kWordsMin || words->size() % 2 != 0) return std::nullopt;
  Line line;
  for (std::size_t i = 0; i < words->size(); i += 2) {
    const std::string& key = (*words)[i];
    std::string* const value = key == "file"   ? &line.name
                               : key == "seq"  ? &line.number
                               : key == "type" ? &line.type
                                               : nullptr;
    if (value != nullptr) *value = (*words)[i + 1];
  }
  if (line.name.empty() || line.number.empty() || line.type.size() != 1) return std::nullopt;
  return line;
}

// The reason why the line is no good, if it is not.
std::string_view TakeLine(std::string_view text, AofManifest& manifest) {
  constexpr std::size_t kLineBytesMax = 1023;  // without its end: what Redis reads
  // What is taken must fit such a line when it is written, and be counted on.
  constexpr std::size_t kNameBytesMax = 900;
  constexpr std::uint64_t kNumberMax = std::uint64_t{1} << 62;
  if (text.size() > kLineBytesMax) return "is too long";
  std::optional<Line> line = SplitLine(text);
  if (!line) return kNoForm;
  AofFile file{std::move(line->name), 0};
  const char* const end = line->number.data() + line->number.size();
  const auto parsed = std::from_chars(line->number.data(), end, file.seq);
  if (parsed.ec != std::errc() || parsed.ptr != end) return "has no number behind 'seq'";
  if (file.seq > kNumberMax) return "has too large a number";
  if (file.name.find('/') != std::string::npos) return "names a file elsewhere";
  if (config::QuoteConfWord(file.name).size() > kNameBytesMax) return "has too long a name";
  switch (line->type[0]) {
    case 'b':
      if (manifest.base) return "names a second base";
      manifest.base = std::move(file);
      return {};
    case 'i':
      if (!manifest.increments.empty() && file.seq <= manifest.increments.back().seq) {
        return "has a number that does not grow";
      }
      manifest.increments.push_back(std::move(file));
      return {};
    case 'h':
      manifest.history.push_back(std::move(file));
      return {};
    default:
      return "has an unknown type";
  }
}

}  // namespace

std::vector<std::string> AofManifest::FilesToRead() const {
  std::vector<std::string> names;
  if (base) names.push_back(base->name);
  for (const AofFile& file : increments) names.push_back(file.name);
  return names;
}

AofFile AofManifest::NextBase(const std::string& prefix, bool is_rdb) const {
  const std::uint64_t seq = base ? base->seq + 1 : 1;
  return {prefix + "." + std::to_string(seq) + (is_rdb ? ".base.rdb" : ".base.aof"), seq};
}

AofFile AofManifest::NextIncrement(const std::string& prefix) const {
  const std::uint64_t seq = increments.empty() ? 1 : increments.back().seq + 1;
  return {prefix + "." + std::to_string(seq) + ".incr.aof", seq};
}

std::string AofManifest::Format() const {
  std::string text;
  if (base) AppendLine(text, *base, 'b');
  for (const AofFile& file : history) AppendLine(text, file, 'h');
  for (const AofFile& file : increments) AppendLine(text, file, 'i');
  return text;
}

runtime::Result<AofManifest> AofManifest::Parse(std::string_view text) {
  AofManifest manifest;
  if (!text.empty() && text.back() != '\n') return runtime::Fail("its last line has no end");
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('#')) continue;
    const std::string_view reason = TakeLine(line, manifest);
    if (reason.empty()) continue;
    return runtime::Fail("line " + std::to_string(number) + " " + std::string(reason));
  }
  if (manifest.IsEmpty()) return runtime::Fail("it names no file to read");
  return manifest;
}

}  // namespace slotway::storage
